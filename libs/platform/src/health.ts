import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { FastifyRequest } from 'fastify';
import type { Log } from './log.js';

export type CheckStatus = 'healthy' | 'degraded' | 'unhealthy';

/** One part that a service, or the process, stands on. */
export interface HealthCheck {
  /** The part: `database`, `kafka`, `disk`. */
  name: string;
  /** The service that stands on it; left out for a part of the whole process. */
  service?: string;
  /** Whether requests fail without it; else the service is degraded only. */
  required: boolean;
  /** Resolves with a sentence; a rejection is a fault. Asked at most once a second, however many ask. */
  check: () => string | Promise<string>;
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
/** Answers are kept for this long: probes cannot be used to flood what they ask. */
const FRESH_MS = 1_000;

/** What the process stands on, told by its services. One for the process: all-in-one answers for all of them. */
@Injectable()
export class Health {
  /** Lets whoever may see details pass, by sign-in; throws UNAUTHENTICATED or FORBIDDEN. Null: nobody can sign in here. */
  signIn: ((request: FastifyRequest) => Promise<unknown>) | null = null;
  private readonly checks: HealthCheck[] = [];
  /** Terminus runs the checks: their limit of time, their answers shared and kept. */
  private readonly indicators = new HealthIndicatorService();
  /** What was found last of each part. */
  private readonly found = new Map<string, CheckStatus>();
  private stopping = false;

  constructor(
    private readonly version: string,
    private readonly log: Log | null = null,
  ) {}

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
    // Told apart by their service only where there are several.
    const several = new Set(this.checks.flatMap(({ service }) => service ?? [])).size > 1;
    const results = await Promise.all(
      this.checks.map(async (check) => {
        const { service, name, required } = check;
        const shown = several && service !== undefined ? `${service}.${name}` : name;
        const result = await this.run(check);
        this.tell(shown, result);
        return [shown, required, result] as const;
      }),
    );
    const failed = results.filter(([, , result]) => result.status !== 'healthy');
    const down = this.stopping || failed.some(([, required]) => required);
    const checks = Object.fromEntries(results.map(([name, , result]) => [name, result]));
    if (this.stopping) checks['process'] = { status: 'unhealthy', message: 'stopping', responseTimeMs: 0 };
    const status = down ? 'unhealthy' : failed.length > 0 ? 'degraded' : 'healthy';
    return { status, version: this.version, uptimeSeconds: Math.floor(process.uptime()), checks };
  }

  /** Logs a part that has changed: probes do not say why, and nobody may be there to ask while it lasts. */
  private tell(part: string, { status, message }: CheckResult): void {
    const before = this.found.get(part) ?? 'healthy';
    this.found.set(part, status);
    if (status === before || this.stopping) return;
    if (status === 'healthy') this.log?.info({ part, message }, 'part is healthy again');
    else this.log?.warn({ part, status, message }, 'part is not healthy');
  }

  private async run({ service = '', name, required, check }: HealthCheck): Promise<CheckResult> {
    const key = `${service}.${name}`;
    const attempt = this.indicators.check(key).attempt(async () => ({ message: await check() }));
    const { [key]: result } = await attempt.withTimeout(CHECK_TIMEOUT_MS).cacheFor(FRESH_MS);
    const { status, message, responseTime } = result as { status: string; message: string; responseTime: number };
    const faulty = required ? 'unhealthy' : 'degraded';
    return { status: status === 'up' ? 'healthy' : faulty, message, responseTimeMs: responseTime };
  }
}
