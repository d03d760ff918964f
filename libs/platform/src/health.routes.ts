import { AppError } from '@qa-pms/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Health, HealthReport } from './health.js';
import { sendError } from './http-errors.js';
import type { Log } from './log.js';
import { bears } from './telemetry/metrics.controller.js';
import type { TelemetrySettings } from './telemetry/telemetry.settings.js';

interface HealthRoutes {
  health: Health;
  /** Its token opens the details; empty: only sign-in does, where there is one. */
  telemetry: Pick<TelemetrySettings, 'metricsToken'>;
  log: Log;
}

/** Probes of every service, at its root. */
export function registerHealthRoutes(http: FastifyInstance, { health, telemetry, log }: HealthRoutes): void {
  http.get('/health/live', () => ({ status: 'healthy' }));
  for (const path of ['/health', '/health/ready']) {
    http.get(path, async (_request, reply) => {
      const { checks, ...report } = await health.report();
      // What is said of a part names hosts and folders: it is for those who may see details.
      const names = Object.fromEntries(Object.entries(checks).map(([name, { status }]) => [name, { status }]));
      const short = { ...report, checks: names };
      return answer(reply, short);
    });
  }
  http.get('/health/detailed', async (request, reply) => {
    try {
      await authorise(request, health, telemetry.metricsToken);
    } catch (error) {
      await sendError(error, request, reply, log);
      return reply;
    }
    return answer(reply, await health.report());
  });
}

function answer(reply: FastifyReply, report: Pick<HealthReport, 'status'>): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .status(report.status === 'unhealthy' ? 503 : 200)
    .send(report);
}

async function authorise(request: FastifyRequest, health: Health, token: string): Promise<void> {
  if (token !== '' && bears(token, request.headers.authorization)) return;
  if (!health.signIn)
    throw new AppError('UNAUTHENTICATED', { reason: 'Here only the token of METRICS_TOKEN is known.' });
  await health.signIn(request);
}
