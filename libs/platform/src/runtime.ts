import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Configuration } from './configuration/configuration.js';
import { Health } from './health.js';
import { createRootLogger, setLevel } from './log.js';
import { openLogFile } from './log/log-file.js';
import { InProcessWire } from './messaging/in-process-wire.js';
import type { Wire } from './messaging/wire.js';
import { KafkaSettings } from './kafka/kafka.settings.js';
import { KafkaWire } from './kafka/kafka-wire.js';
import { PlatformSettings } from './platform.settings.js';
import { useKeyring } from './secrets.js';
import { TelemetrySettings } from './telemetry/telemetry.settings.js';

/** The product's version, of package.json. */
export const VERSION = '0.1.0';

/** What belongs to the process and not to a service: settings, log, wire, health. */
export interface Runtime {
  configuration: Configuration;
  settings: PlatformSettings;
  kafka: KafkaSettings;
  telemetry: TelemetrySettings;
  logger: Logger;
  wire: Wire;
  health: Health;
  /** Unique name of this process among all of its kind. */
  instanceId: string;
}

/** Reads the process's settings and opens its wire. Throws SettingsError with every fault. */
export function createRuntime(configuration: Configuration, name: string): Runtime {
  configuration.check([PlatformSettings, KafkaSettings, TelemetrySettings]);
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
  configuration.onReload(() => {
    setLevel(logger, settings.logLevel);
    if (wire instanceof KafkaWire) wire.renewTls();
  });
  const health = new Health(VERSION);
  return { configuration, settings, kafka, telemetry, logger, wire, health, instanceId };
}

function logFile(settings: PlatformSettings, name: string): ReturnType<typeof openLogFile> | null {
  const { logFileFolder: folder, logFileMegabytes: megabytes, logFileDays: days, instanceId } = settings;
  if (folder === '') return null;
  return openLogFile({ folder, name: instanceId === '' ? name : `${name}-${instanceId}`, megabytes, days });
}
