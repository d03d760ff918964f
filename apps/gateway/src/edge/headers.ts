import type { FastifyReply, FastifyRequest } from 'fastify';

/** Answers of the API are data: a browser may neither frame them, sniff their type nor load anything from them. */
export const SECURITY_HEADERS: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
  'cross-origin-resource-policy': 'same-origin',
};

/** One year, the least that browsers' preload lists take: https://hstspreload.org */
const HSTS = 'max-age=31536000; includeSubDomains';

export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SECURITY_HEADERS);
  if ('encrypted' in request.raw.socket) reply.header('strict-transport-security', HSTS);
}

const EXPOSED = 'ETag, Retry-After, X-Request-Id, X-Correlation-Id, Content-Disposition';
const ALLOWED_HEADERS =
  'Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Project-Id, X-Request-Id, X-Correlation-Id';

/** Cross-origin access for the origins of the setting `cors.origins`. */
export class Cors {
  private readonly origins: ReadonlySet<string>;

  constructor(list: string) {
    this.origins = new Set(
      list
        .split(',')
        .map((origin) => origin.trim().replace(/\/$/, ''))
        .filter((origin) => origin !== ''),
    );
  }

  /** Sets the headers. True when it is a preflight, which is then to be answered with 204. */
  apply(request: FastifyRequest, reply: FastifyReply): boolean {
    if (this.origins.size === 0) return false;
    reply.header('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !this.origins.has(origin)) return false;
    reply.header('access-control-allow-origin', origin).header('access-control-allow-credentials', 'true');
    // Answers are for the listed origins, which are others than ours.
    reply.header('cross-origin-resource-policy', 'cross-origin');
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      reply.header('access-control-expose-headers', EXPOSED);
      return false;
    }
    reply
      .header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
      .header('access-control-allow-headers', ALLOWED_HEADERS)
      .header('access-control-max-age', '3600');
    return true;
  }
}
