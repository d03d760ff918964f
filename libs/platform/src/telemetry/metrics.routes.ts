import { createHash, timingSafeEqual } from 'node:crypto';
import { AppError } from '@qa-pms/contracts';
import type { FastifyInstance } from 'fastify';
import { register } from 'prom-client';
import { sendError } from '../http-errors.js';
import type { Log } from '../log.js';
import type { TelemetrySettings } from './telemetry.settings.js';

/** `GET /metrics` of every service, in the format of OpenMetrics. Answers 401 where a token is set and not given. */
export function registerMetricsRoute(http: FastifyInstance, settings: TelemetrySettings, log: Log): void {
  http.get('/metrics', async (request, reply) => {
    const { metricsToken: token } = settings;
    if (token !== '' && !bears(token, request.headers.authorization)) {
      await sendError(new AppError('UNAUTHENTICATED'), request, reply, log);
      return reply;
    }
    return reply
      .header('cache-control', 'no-store')
      .type(register.contentType)
      .send(await register.metrics());
  });
}

/** Whether a header `Authorization` carries a token. */
export function bears(token: string, authorization = ''): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  // Hashes are of one length, as a comparison in constant time needs.
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
