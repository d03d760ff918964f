import type { FastifyInstance } from 'fastify';
import type { Health } from './health.js';

/** Probes of every service, at its root. */
export function registerHealthRoutes(http: FastifyInstance, health: Health): void {
  http.get('/health/live', () => ({ status: 'healthy' }));
  for (const path of ['/health', '/health/ready']) {
    http.get(path, async (_request, reply) => {
      const { status, version, uptimeSeconds, checks } = await health.report();
      const names = Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, { status: check.status }]));
      return reply
        .header('cache-control', 'no-store')
        .status(status === 'unhealthy' ? 503 : 200)
        .send({ status, version, uptimeSeconds, checks: names });
    });
  }
}
