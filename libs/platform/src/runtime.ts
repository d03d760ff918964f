import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { type Environment, readSettings } from './config.js';
import { Health } from './health.js';
import { createRootLogger } from './log.js';
import { InProcessWire } from './messaging/in-process-wire.js';
import type { Wire } from './messaging/wire.js';
import { PlatformSettings } from './platform.settings.js';
import { useMasterKey } from './secrets.js';
import { KafkaWire } from './kafka/kafka-wire.js';

/** The product's version, of package.json. */
export const VERSION = '0.1.0';

/** What belongs to the process and not to a service: settings, log, wire, health. */
export interface Runtime {
  environment: Environment;
  settings: PlatformSettings;
  logger: Logger;
  wire: Wire;
  health: Health;
  /** Unique name of this process among all of its kind. */
  instanceId: string;
}

/** Reads the process's settings and opens its wire. Throws SettingsError with every fault. */
export function createRuntime(environment: Environment, name: string): Runtime {
  const settings = readSettings(PlatformSettings, environment);
  useMasterKey(settings.encryptionKey);
  const logger = createRootLogger({ level: settings.logLevel, format: settings.logFormat });
  const instanceId = settings.instanceId === '' ? `${hostname()}-${randomUUID().slice(0, 8)}` : settings.instanceId;
  const wire =
    settings.kafkaBrokers === ''
      ? new InProcessWire()
      : new KafkaWire({ settings, instanceId: `${name}-${instanceId}`, logger });
  const health = new Health(VERSION);
  return { environment, settings, logger, wire, health, instanceId };
}
