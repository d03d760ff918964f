import type { FastifyReply, onRequestHookHandler } from 'fastify';

const EVERYWHERE = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cross-origin-resource-policy': 'same-origin',
};
/** The API answers data only. */
const API = { ...EVERYWHERE, 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" };
/** The documentation's pages need their own scripts and styles. */
const DOCUMENTATION = {
  ...EVERYWHERE,
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
};

/** What browsers must not do with our answers, and which pages may call the API: those of listed origins. */
export function browserHeaders(origins: readonly string[]): onRequestHookHandler {
  const allowed = new Set(origins);
  return (request, reply, done) => {
    void reply.headers(request.url.startsWith('/docs') ? DOCUMENTATION : API);
    const { origin } = request.headers;
    const isAllowed = origin !== undefined && allowed.has(origin);
    if (isAllowed) allow(origin, reply);
    if (isAllowed && request.method === 'OPTIONS') answerPreflight(reply);
    else done();
  };
}

function allow(origin: string, reply: FastifyReply): void {
  void reply
    .header('access-control-allow-origin', origin)
    .header('access-control-allow-credentials', 'true')
    .header('access-control-expose-headers', 'ETag, X-Request-Id, Retry-After')
    .header('vary', 'Origin');
}

/** A browser asks whether a page may send a request. */
function answerPreflight(reply: FastifyReply): void {
  void reply
    .status(204)
    .header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
    .header(
      'access-control-allow-headers',
      'Authorization, Content-Type, Idempotency-Key, If-Match, X-Project-Id, X-Request-Id',
    )
    .header('access-control-max-age', '3600')
    .send();
}
