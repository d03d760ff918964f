import { setTimeout as sleep } from 'node:timers/promises';
import { bootService, type RunningService } from './boot.js';
import { type Environment, processEnvironment, SettingsError } from './config.js';
import { logFor } from './log.js';
import { InProcessWire } from './messaging/in-process-wire.js';
import { createRuntime, type Runtime } from './runtime.js';
import type { ServiceDefinition } from './service.js';

/** Exit codes, documented in the README. */
export const EXIT = { ok: 0, fault: 1, configuration: 78 } as const;

export interface RunOptions {
  environment?: Environment;
  /** Told as each service becomes ready. */
  onReady?: (name: string) => void;
}

/** The services of one process, running. */
export interface Running {
  runtime: Runtime;
  services: RunningService[];
  /** Address of HTTP. */
  url: string;
  /** Stops in order; resolved when everything is closed. */
  stop: (reason: string) => Promise<void>;
}

/** Starts services in this process and listens: the gateway's routes where it is among them, else probes only. */
export async function startServices(definitions: ServiceDefinition[], options: RunOptions = {}): Promise<Running> {
  const name = definitions.length === 1 ? (definitions[0]?.name ?? '') : 'all';
  const runtime = createRuntime(options.environment ?? processEnvironment(), name);
  const services: RunningService[] = [];
  try {
    for (const definition of definitions) {
      services.push(await bootService(definition, runtime));
      options.onReady?.(definition.name);
    }
    if (runtime.wire instanceof InProcessWire) runtime.wire.allServing();
    const door = services.find((service) => service.name === 'gateway') ?? services[0];
    if (!door) throw new Error('No service was chosen: set TARGET to all, or to names of services.');
    await door.app.listen(runtime.settings.port, runtime.settings.host);
    const url = await door.app.getUrl();
    let stopping: Promise<void> | null = null;
    const stop = (reason: string): Promise<void> => (stopping ??= stopServices(runtime, services, reason));
    return { runtime, services, url, stop };
  } catch (error) {
    await closeAll(services);
    await runtime.wire.close();
    throw error;
  }
}

/** Readiness fails first; requests in hand are finished; consumers drain; then everything closes. */
async function stopServices(runtime: Runtime, services: RunningService[], reason: string): Promise<void> {
  const log = logFor(runtime.logger, 'runner');
  const { shutdownGraceMs, shutdownTimeoutMs } = runtime.settings;
  log.info({ reason, graceMs: shutdownGraceMs }, 'stopping: readiness fails from now on');
  runtime.health.stop();
  const work = async (): Promise<void> => {
    await sleep(shutdownGraceMs);
    // The door closes first: what it has taken still needs the services behind it.
    const door = services.find((service) => service.name === 'gateway');
    const others = services.filter((service) => service !== door).reverse();
    if (door) await door.app.close();
    log.info({}, 'stopping: HTTP has drained');
    await closeAll(others);
    await runtime.wire.close();
    log.info({}, 'stopped');
  };
  const late = sleep(shutdownTimeoutMs, 'late', { ref: false });
  if ((await Promise.race([work(), late])) === 'late') log.error({ timeoutMs: shutdownTimeoutMs }, 'stop was forced');
}

async function closeAll(services: RunningService[]): Promise<void> {
  for (const service of services) await service.app.close();
}

/** The whole life of a process with these services: start, signals, stop, exit. */
export async function runServices(definitions: ServiceDefinition[], options: RunOptions = {}): Promise<Running> {
  const running = await startServices(definitions, options);
  const onSignal = (signal: NodeJS.Signals): void => {
    void running.stop(signal).then(() => process.exit(EXIT.ok));
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  return running;
}

/** `main.ts` of a service. */
export async function runService(definition: ServiceDefinition): Promise<void> {
  try {
    await runServices([definition]);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof SettingsError ? EXIT.configuration : EXIT.fault);
  }
}
