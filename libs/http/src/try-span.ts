import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { injectTrace, redactUrl, SpanKind, startSpan, withSpan } from '@qa-pms/platform';

/**
 * The span of one try, by the stable conventions for HTTP clients
 * (https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client).
 */
export class TrySpan {
  private readonly span: Span;

  /** `tries` is how many went before. */
  constructor(method: string, url: URL, tries: number) {
    this.span = startSpan(method, SpanKind.CLIENT, () => ({
      'http.request.method': method,
      'server.address': url.hostname,
      'server.port': Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
      'url.full': redactUrl(url),
      ...(tries > 0 && { 'http.request.resend_count': tries }),
    }));
  }

  /** The trace context (W3C), or nothing where there is no trace. */
  headers(): Record<string, string> {
    const headers: Record<string, string> = {};
    withSpan(this.span, () => {
      injectTrace(headers);
    });
    return headers;
  }

  /** `errorType`: what went wrong where no status says it. */
  end(status: number | null, errorType: string | null): void {
    if (status !== null) this.span.setAttribute('http.response.status_code', status);
    const type = status !== null && status >= 400 ? String(status) : errorType;
    if (type !== null) {
      this.span.setAttribute('error.type', type);
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}
