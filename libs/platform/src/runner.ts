import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { AppError } from '@qa-pms/contracts';
import { bootService, type RunningService } from './boot.js';
import { Configuration } from './configuration/configuration.js';
import { processEnvironment } from './configuration/environment.js';
import { settingsHelp } from './configuration/reference.js';
import { reloadConfiguration } from './configuration/reload.js';
import { type SettingsClass, settingsOf } from './configuration/setting.js';
import { SettingsError } from './configuration/settings-error.js';
import { infrastructureFault } from './faults.js';
import { unreachableKafka } from './kafka/kafka-client.js';
import { KafkaSettings } from './kafka/kafka.settings.js';
import { logFor, onLogLine } from './log.js';
import { InProcessWire } from './messaging/in-process-wire.js';
import { PlatformSettings } from './platform.settings.js';
import { RedisSettings } from './redis/redis.settings.js';
import { createRuntime, type Runtime, VERSION } from './runtime.js';
import type { ServiceDefinition } from './service.js';
import { logLines, startProcessMetrics } from './telemetry/process-metrics.js';
import { TelemetrySettings } from './telemetry/telemetry.settings.js';
import { startTracing } from './telemetry/tracing.js';
import { closeAfterFailure, stopOnSignals, stopsAtHangup, stopServices } from './stop.js';
import { settingName } from './tls.js';

// Under load V8 was seen to guess that the rows of pg, dead after 10 ms, grow old, and to make each in the old space:
// without that guess it marks the heap a quarter as often, and reads take a tenth less time.
setFlagsFromString('--no-allocation-site-pretenuring');

/** Exit codes (docs/cli.md); a stop that was forced is a fault. A second signal ends with 128 and its number. */
export const EXIT = { ok: 0, fault: 1, usage: 2, unavailable: 69, configuration: 78 } as const;

export interface RunOptions {
  configuration: Configuration;
  /** Told as each service becomes ready. */
  onReady?: (name: string) => void;
  /** What must be there before the first request: the services answer each other, and nobody else yet. */
  beforeListening?: (services: RunningService[]) => Promise<void>;
  /** Whether events are left in the outbox for another process, which has all their consumers. */
  leaveEvents?: boolean;
}

/** The services of one process, running. */
export interface Running {
  runtime: Runtime;
  services: RunningService[];
  /** Address of HTTP. */
  url: string;
  /** Stops in order; resolved when everything is closed, with false where the limit of time ended it. */
  stop: (reason: string) => Promise<boolean>;
}

/** Every settings class that these services read, the process's own first. */
export function settingsClassesOf(definitions: readonly ServiceDefinition[]): SettingsClass[] {
  return [
    ...new Set([
      PlatformSettings,
      KafkaSettings,
      RedisSettings,
      TelemetrySettings,
      ...definitions.flatMap(({ settings }) => settings),
    ]),
  ];
}

/** Starts services in this process and listens: the gateway's routes where it is among them, else probes only. */
export async function startServices(definitions: ServiceDefinition[], options: RunOptions): Promise<Running> {
  const { configuration } = options;
  // All at once: each service by itself would tell of its own faults only.
  configuration.check(settingsClassesOf(definitions));
  const name = definitions.length === 1 ? (definitions[0]?.name ?? '') : 'all';
  const runtime = createRuntime(configuration, name);
  startProcessMetrics(VERSION);
  onLogLine(runtime.logger, (level, service) => {
    logLines.inc({ service, level });
  });
  const tracing = await startTracing(runtime.telemetry, {
    service: name,
    version: VERSION,
    instanceId: runtime.instanceId,
  });
  if (tracing) {
    runtime.onStop.push({ name: 'traces', stop: () => tracing.stop() });
    runtime.health.add({ name: 'traces', required: false, check: () => tracing.check() });
  }
  const services: RunningService[] = [];
  try {
    for (const definition of definitions) {
      services.push(await bootService(definition, runtime));
      options.onReady?.(definition.name);
    }
    if (runtime.wire instanceof InProcessWire) runtime.wire[options.leaveEvents ? 'leaveEvents' : 'allServing']();
    const door = services.find((service) => service.name === 'gateway') ?? services[0];
    if (!door) throw new Error('No service was chosen: set TARGET to all, or to names of services.');
    await options.beforeListening?.(services);
    await door.app.listen(runtime.settings.port, runtime.settings.host).catch((error: unknown) => {
      throw explainListen(error, runtime.settings);
    });
    const url = await door.app.getUrl();
    let stopping: Promise<boolean> | null = null;
    const stop = (reason: string): Promise<boolean> => (stopping ??= stopServices(runtime, services, reason));
    return { runtime, services, url, stop };
  } catch (error) {
    for (const { app, name } of services) await closeAfterFailure(app, runtime, logFor(runtime.logger, name));
    await runtime.wire.close();
    runtime.redis?.close();
    await tracing?.stop();
    const upstream = error instanceof AppError && error.details['upstream'];
    throw upstream === 'kafka' ? unreachableKafka(error, runtime.kafka) : error;
  }
}

/** What `listen` says of a host: https://man7.org/linux/man-pages/man2/bind.2.html, and getaddrinfo of names. */
const NO_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN']);

/** What a start says that cannot listen; an error that no setting explains as it is. */
export function explainListen(error: unknown, { host, port }: Pick<PlatformSettings, 'host' | 'port'>): unknown {
  const code = (error as { code?: string } | null)?.code ?? '';
  if (code === 'EADDRINUSE') {
    const text = `Port ${String(port)} is taken: stop what uses it, or choose another in ${settingName('port')}.`;
    return Object.assign(new Error(text, { cause: error }), { code });
  }
  if (code === 'EACCES') {
    const problem = `may not be opened by this user: choose one from 1024 on in ${settingName('port')}`;
    return new SettingsError([{ key: '', place: `Port ${String(port)}`, problem }]);
  }
  if (!NO_ADDRESS.has(code)) return error;
  const problem = `is no address of this machine, nor a name of one: look at ${settingName('host')}`;
  return new SettingsError([{ key: '', place: host, problem }]);
}

/** The whole life of a process with these services: start, signals, stop, exit. */
export async function runServices(definitions: ServiceDefinition[], options: RunOptions): Promise<Running> {
  const running = await startServices(definitions, options);
  stopOnSignals((signal) => running.stop(signal), EXIT.fault);
  if (!stopsAtHangup()) process.on('SIGHUP', () => void reloadConfiguration(running.runtime));
  return running;
}

/** `main.ts` of a service: `node main.js [-c <file>] [--help]`. */
export async function runService(definition: ServiceDefinition): Promise<void> {
  try {
    const { values } = parseArgs({
      options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) {
      const entries = settingsClassesOf([definition]).flatMap((settings) => settingsOf(settings));
      process.stdout.write(`Starts ${definition.name}. -c, --config <file>: configuration file (CONFIG_FILE).\n\n`);
      process.stdout.write(settingsHelp(entries.map(({ entry }) => entry)));
      return;
    }
    const configuration = await Configuration.load({ environment: processEnvironment(), file: values.config ?? null });
    // Without Kafka its events reach nobody.
    await runServices([definition], { configuration, leaveEvents: true });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(exitCode(error));
  }
}

function exitCode(error: unknown): number {
  if (error instanceof SettingsError) return EXIT.configuration;
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  if (code.startsWith('ERR_PARSE_ARGS')) return EXIT.usage;
  return code === 'EADDRINUSE' || infrastructureFault(error) ? EXIT.unavailable : EXIT.fault;
}
