import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Configuration } from './configuration/configuration.js';
import { diskCheck, memoryCheck } from './health.checks.js';
import { Health } from './health.js';
import { createRootLogger, logFor, setLevel } from './log.js';
import { openLogFile } from './log/log-file.js';
import { InProcessWire } from './messaging/in-process-wire.js';
import type { Wire } from './messaging/wire.js';
import { KafkaSettings } from './kafka/kafka.settings.js';
import { KafkaWire } from './kafka/kafka-wire.js';
import { PlatformSettings } from './platform.settings.js';
import { RedisConnection } from './redis/redis.js';
import { RedisSettings } from './redis/redis.settings.js';
import { useKeyring } from './secrets.js';
import { TelemetrySettings } from './telemetry/telemetry.settings.js';

/** The product's version, of package.json. */
export const VERSION = '0.1.0';

/** What belongs to the process and not to a service: settings, log, wire, Redis, health. */
export interface Runtime {
  configuration: Configuration;
  settings: PlatformSettings;
  kafka: KafkaSettings;
  telemetry: TelemetrySettings;
  logger: Logger;
  wire: Wire;
  /** Null where none is configured: what instances would share, each keeps for itself. */
  redis: RedisConnection | null;
  health: Health;
  /** Unique name of this process among all of its kind. */
  instanceId: string;
  /** What ends last at a stop, in this order: telemetry, which has to hear of all before. */
  onStop: StopHook[];
}

/** Something that ends with the process. */
export interface StopHook {
  /** For the log. */
  name: string;
  /** Is given 2 s; a rejection is logged. */
  stop: () => Promise<unknown>;
}

/** Reads the process's settings and opens its wire. Throws SettingsError with every fault. */
export function createRuntime(configuration: Configuration, name: string): Runtime {
  configuration.check([PlatformSettings, KafkaSettings, RedisSettings, TelemetrySettings]);
  const settings = configuration.read(PlatformSettings);
  const kafka = configuration.read(KafkaSettings);
  const telemetry = configuration.read(TelemetrySettings);
  useKeyring(configuration.keyring());
  const file = logFile(settings, name);
  const logger = createRootLogger({ level: settings.logLevel, format: settings.logFormat, file });
  const instanceId = settings.instanceId === '' ? `${hostname()}-${randomUUID().slice(0, 8)}` : settings.instanceId;
  const wire =
    kafka.brokers.length === 0
      ? new InProcessWire()
      : new KafkaWire({ settings: kafka, instanceId: `${name}-${instanceId}`, logger });
  const redisSettings = configuration.read(RedisSettings);
  const redis = redisSettings.url === '' ? null : new RedisConnection(redisSettings, name, logFor(logger, 'redis'));
  configuration.onReload(() => {
    setLevel(logger, settings.logLevel);
    if (wire instanceof KafkaWire) wire.renewTls();
    redis?.renewTls();
  });
  const health = new Health(VERSION, logFor(logger, 'runner'));
  if (wire instanceof KafkaWire) {
    const check = (): string => {
      const missing = wire.notReady();
      if (missing !== null) throw new Error(missing);
      return 'replies arrive';
    };
    health.add({ name: 'kafka', required: true, check });
  }
  if (redis) {
    const check = (): Promise<string> => redis.ping().then(() => 'answers');
    health.add({ name: 'redis', required: false, check });
  }
  health.add(diskCheck(settings.logFileFolder === '' ? process.cwd() : settings.logFileFolder));
  health.add(memoryCheck());
  return { configuration, settings, kafka, telemetry, logger, wire, redis, health, instanceId, onStop: [] };
}

function logFile(settings: PlatformSettings, name: string): ReturnType<typeof openLogFile> | null {
  const { logFileFolder: folder, logFileMegabytes: megabytes, logFileDays: days, instanceId } = settings;
  if (folder === '') return null;
  return openLogFile({ folder, name: instanceId === '' ? name : `${name}-${instanceId}`, megabytes, days });
}
