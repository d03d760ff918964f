import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '@qa-pms/contracts';
import type { FastifyInstance } from 'fastify';
import { register } from 'prom-client';
import type { TelemetrySettings } from './telemetry.settings.js';

/** `GET /metrics` of every service, in the format of OpenMetrics. Answers 401 where a token is set and not given. */
export function registerMetricsRoute(http: FastifyInstance, settings: TelemetrySettings): void {
  http.get('/metrics', async (request, reply) => {
    if (!mayScrape(settings, request.headers.authorization)) throw new AppError('UNAUTHENTICATED');
    return reply
      .header('cache-control', 'no-store')
      .type(register.contentType)
      .send(await register.metrics());
  });
}

/** Whether the header `Authorization` carries the token, where there is one. */
export function mayScrape({ metricsToken }: TelemetrySettings, authorization: string | undefined): boolean {
  if (metricsToken === '') return true;
  // Hashes are of one length, as a comparison in constant time needs.
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(authorization ?? ''), hash(`Bearer ${metricsToken}`));
}
