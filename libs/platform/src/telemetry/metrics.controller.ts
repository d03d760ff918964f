import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  Res,
  UseGuards,
} from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TelemetrySettings } from './telemetry.settings.js';

// It requires Nest, which is ESM, from CommonJS: imported statically that is a cycle under Jest.
const { PrometheusController, PrometheusModule } = await import('@willsoto/nestjs-prometheus');

/** Refuses whoever does not bring the token that is set. */
@Injectable()
class MetricsToken implements CanActivate {
  constructor(private readonly settings: TelemetrySettings) {}

  canActivate(context: ExecutionContext): boolean {
    const { metricsToken: token } = this.settings;
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (token !== '' && !bears(token, headers.authorization)) throw new AppError('UNAUTHENTICATED');
    return true;
  }
}

/** `GET /metrics` of every service, in the format of OpenMetrics. Answers 401 where a token is set and not given. */
@Controller()
@UseGuards(MetricsToken)
class MetricsController extends PrometheusController {
  @Get()
  @Header('cache-control', 'no-store')
  override index(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    return super.index(reply);
  }
}

/** Node's own metrics belong to the process, which may run several services. */
export const metricsModule = PrometheusModule.register({
  controller: MetricsController,
  defaultMetrics: { enabled: false },
});

/** Whether a header `Authorization` carries a token. */
export function bears(token: string, authorization = ''): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
  // Hashes are of one length, as a comparison in constant time needs.
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
