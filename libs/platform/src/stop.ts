import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import type { RunningService } from './boot.js';
import { type Log, logFor } from './log.js';
import type { Runtime } from './runtime.js';

/** Milliseconds that each of what ends last may take: telemetry flushes within 2 s. */
const HOOK_MS = 2_000;
/**
 * A second signal this soon belongs to the first: Ctrl+C reaches every process of a terminal, and npm hands it on beside.
 */
const SAME_SIGNAL_MS = 1_000;

/** Runs one phase of a stop and logs how long it took. A phase that fails is logged as ERROR, and the next one begins. */
export async function stopPhase(log: Log, phase: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  const took = (): number => Math.round(performance.now() - started);
  try {
    await work();
    log.info({ phase, durationMs: took() }, 'stop phase ended');
  } catch (error) {
    log.error({ phase, durationMs: took(), err: error }, 'stop phase failed');
  }
}

/**
 * Readiness fails first; requests in hand are finished; consumers drain; outboxes are flushed and pools closed; telemetry
 * ends last. Resolves with false where the limit of time ended it.
 */
export async function stopServices(runtime: Runtime, services: RunningService[], reason: string): Promise<boolean> {
  const log = logFor(runtime.logger, 'runner');
  const { shutdownGraceMs: graceMs, shutdownTimeoutMs: timeoutMs } = runtime.settings;
  const started = performance.now();
  const open = new Set<string>();
  const phase = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    open.add(name);
    await stopPhase(log, name, work);
    open.delete(name);
  };
  runtime.health.stop();
  log.info({ reason, graceMs, timeoutMs }, 'stopping: readiness fails from now on');
  const work = async (): Promise<void> => {
    await phase('grace', () => sleep(graceMs));
    await phase('requests', () => Promise.all(services.map(({ requests }) => requests.drain())));
    // The door closes first: what it has taken still needs the services behind it.
    const door = services.filter(({ name }) => name === 'gateway');
    const others = services.filter((service) => !door.includes(service)).reverse();
    for (const { name, server, app } of [...door, ...others]) {
      await phase(`${name} messages`, () => server.close());
      // Its background jobs, its outbox, its connections.
      await phase(`${name} service`, () => app.close());
    }
    await phase('wire', () => runtime.wire.close());
    runtime.redis?.close();
  };
  const late = sleep(timeoutMs, 'late' as const, { ref: false });
  const clean = (await Promise.race([work(), late])) !== 'late';
  if (!clean) log.error({ timeoutMs, phases: [...open], ...inHand(services) }, 'stop was forced');
  for (const { name, stop } of runtime.onStop) {
    await stopPhase(log, name, () =>
      Promise.race([
        stop(),
        sleep(HOOK_MS, undefined, { ref: false }).then(() => {
          throw new Error(`It was not done after ${String(HOOK_MS)} ms.`);
        }),
      ]),
    );
  }
  if (clean) log.info({ durationMs: Math.round(performance.now() - started) }, 'stopped');
  return clean;
}

/** What still runs, for the one who asks why. */
function inHand(services: RunningService[]): { requests: unknown[]; messages: unknown[] } {
  return {
    requests: services.flatMap(({ requests }) => requests.list()).slice(0, 20),
    messages: services.flatMap(({ server }) => server.list()).slice(0, 20),
  };
}

/** Closes what a start that failed has opened, as long as a stop may take: what counts is why it failed. */
export async function closeAfterFailure(app: RunningService['app'], runtime: Runtime, log: Log): Promise<void> {
  const late = sleep(runtime.settings.shutdownTimeoutMs, undefined, { ref: false });
  await Promise.race([app.close(), late]).catch((error: unknown) => {
    log.error({ err: error }, 'what a failed start had begun could not be closed');
  });
}

/** Whether SIGHUP comes from a terminal that is closed, and stops; elsewhere it asks for a reload. */
export function stopsAtHangup(): boolean {
  return isatty(0);
}

/**
 * Stops at the signals, then exits: with 0, or with `forced` where the stop was forced or failed. A second signal
 * ends the process at once, with 128 and its number.
 */
export function stopOnSignals(stop: (signal: NodeJS.Signals) => Promise<boolean>, forced: number): void {
  const signals: NodeJS.Signals[] = stopsAtHangup() ? ['SIGTERM', 'SIGINT', 'SIGHUP'] : ['SIGTERM', 'SIGINT'];
  let first: number | null = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (first !== null) {
      if (performance.now() - first > SAME_SIGNAL_MS) process.exit(128 + constants.signals[signal]);
      return;
    }
    first = performance.now();
    stop(signal).then(
      (clean) => process.exit(clean ? 0 : forced),
      (error: unknown) => {
        process.stderr.write(`The stop failed: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(forced);
      },
    );
  };
  for (const signal of signals) process.on(signal, onSignal);
}
