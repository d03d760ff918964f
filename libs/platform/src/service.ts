import type { Type } from '@nestjs/common';
import type { ServiceName } from '@qa-pms/contracts';
import type { Configuration } from './configuration/configuration.js';
import type { SettingsClass } from './configuration/setting.js';

/** Whether an integration can be used with the settings at hand. */
export interface IntegrationCheck {
  /** `jira https://example.atlassian.net`. */
  name: string;
  status: 'online' | 'degraded' | 'offline';
  /** What was found; where it is not online, with what to do. */
  message: string;
}

/** What all-in-one, the command line and a service's own main need to know of it. */
export interface ServiceDefinition {
  name: ServiceName;
  /** Its Nest module: wiring only. */
  module: Type;
  /** Its settings classes; an instance of each is injected by its class. */
  settings: SettingsClass[];
  /** Its database: schema, entities and migrations (DatabaseOptions of libs/database), where it has one. */
  database?: { schema: string; entities: unknown[]; migrations: unknown[] };
  /** SQL that gives the ids (`id`) of the master keys that values in its database are encrypted with. */
  sealedBy?: string;
  /** Tries each connection to the outside once, with the credentials of its settings; never rejects for what they answer. */
  checkIntegrations?: (configuration: Configuration) => Promise<IntegrationCheck[]>;
}

/** Declares a service. */
export function defineService(definition: ServiceDefinition): ServiceDefinition {
  return definition;
}
