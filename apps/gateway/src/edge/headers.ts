import type { onRequestHookHandler } from 'fastify';

const FIXED: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
/** The API answers data only; the documentation's pages need their own scripts and styles. */
const CSP_API = "default-src 'none'; frame-ancestors 'none'";
const CSP_DOCS = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** What browsers must not do with our answers. */
export function securityHeaders(): onRequestHookHandler {
  return (request, reply, done) => {
    void reply.headers(FIXED).header('content-security-policy', request.url.startsWith('/docs') ? CSP_DOCS : CSP_API);
    done();
  };
}

/** Lets pages of listed origins call the API. */
export function crossOrigin(origins: readonly string[]): onRequestHookHandler {
  const allowed = new Set(origins);
  return (request, reply, done) => {
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) {
      done();
      return;
    }
    void reply
      .header('access-control-allow-origin', origin)
      .header('access-control-allow-credentials', 'true')
      .header('access-control-expose-headers', 'ETag, X-Request-Id, Retry-After')
      .header('vary', 'Origin');
    if (request.method !== 'OPTIONS') {
      done();
      return;
    }
    void reply
      .status(204)
      .header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
      .header(
        'access-control-allow-headers',
        'Authorization, Content-Type, Idempotency-Key, If-Match, X-Project-Id, X-Request-Id',
      )
      .header('access-control-max-age', '3600')
      .send();
  };
}
