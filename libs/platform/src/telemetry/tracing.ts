import type { TelemetrySettings } from './telemetry.settings.js';

/** Traces of this process, sent to a collector. */
export interface Tracing {
  /** Throws while the collector takes no spans. */
  check: () => string;
  /** Sends what waits, for 2 s at most, and stops. */
  stop: () => Promise<void>;
}

/** Whose traces they are. */
export interface TracedProcess {
  service: string;
  version: string;
  instanceId: string;
}

/**
 * Starts traces where a collector is configured; null: none is. It belongs to the process: once is enough. The SDK is
 * loaded only where it is needed: 3 MB of heap.
 */
export async function startTracing(settings: TelemetrySettings, process: TracedProcess): Promise<Tracing | null> {
  if (settings.endpoint === '') return null;
  const { startSdk } = await import('./tracing-sdk.js');
  return startSdk(settings, process);
}
