import type { Type } from '@nestjs/common';
import type { ServiceName } from '@qa-pms/contracts';
import type { SettingsClass } from './configuration/setting.js';

/** What all-in-one, the command line and a service's own main need to know of it. */
export interface ServiceDefinition {
  name: ServiceName;
  /** Its Nest module: wiring only. */
  module: Type;
  /** Its settings classes; an instance of each is injected by its class. */
  settings: SettingsClass[];
  /** Its database: schema, entities and migrations (DatabaseOptions of libs/database), where it has one. */
  database?: { schema: string; entities: unknown[]; migrations: unknown[] };
}

/** Declares a service. */
export function defineService(definition: ServiceDefinition): ServiceDefinition {
  return definition;
}
