import { Injectable } from '@nestjs/common';

export type CheckStatus = 'healthy' | 'degraded' | 'unhealthy';

/** One part that a service stands on. Resolves with a sentence; a rejection is a fault. */
export interface HealthCheck {
  name: string;
  /** Whether requests fail without it; else the service is degraded only. */
  required: boolean;
  check: () => Promise<string>;
}

export interface CheckResult {
  status: CheckStatus;
  message: string;
  responseTimeMs: number;
}

export interface HealthReport {
  status: CheckStatus;
  version: string;
  uptimeSeconds: number;
  checks: Record<string, CheckResult>;
}

/** A check that hangs counts as failed after this; probes must be answered in 200 ms. */
const CHECK_TIMEOUT_MS = 150;

/** What the process stands on, told by its services. One for the process: all-in-one answers for all of them. */
@Injectable()
export class Health {
  private readonly checks: HealthCheck[] = [];
  private stopping = false;

  constructor(private readonly version: string) {}

  add(check: HealthCheck): void {
    this.checks.push(check);
  }

  /** From now on the process is not ready. */
  stop(): void {
    this.stopping = true;
  }

  get draining(): boolean {
    return this.stopping;
  }

  async report(): Promise<HealthReport> {
    const results = await Promise.all(
      this.checks.map(async (check) => [check.name, check.required, await run(check)] as const),
    );
    const failed = results.filter(([, , result]) => result.status !== 'healthy');
    const down = this.stopping || failed.some(([, required]) => required);
    const checks = Object.fromEntries(results.map(([name, , result]) => [name, result]));
    if (this.stopping) checks['process'] = { status: 'unhealthy', message: 'stopping', responseTimeMs: 0 };
    const status = down ? 'unhealthy' : failed.length > 0 ? 'degraded' : 'healthy';
    return { status, version: this.version, uptimeSeconds: Math.floor(process.uptime()), checks };
  }
}

async function run({ check, required }: HealthCheck): Promise<CheckResult> {
  const started = performance.now();
  const done = (status: CheckStatus, message: string): CheckResult => ({
    status,
    message,
    responseTimeMs: Math.round(performance.now() - started),
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('no answer in time'));
    }, CHECK_TIMEOUT_MS);
  });
  try {
    return done('healthy', await Promise.race([check(), late]));
  } catch (error) {
    return done(required ? 'unhealthy' : 'degraded', error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}
