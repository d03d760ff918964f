import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it came in (OTLP/JSON, https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: string;
  attributes: Record<string, string>;
}

/** A collector that keeps what it is sent. */
export interface OtlpReceiver {
  url: string;
  spans: ReceivedSpan[];
  stop: () => Promise<void>;
}

interface Value {
  stringValue?: string;
  intValue?: string | number;
}
interface Sent {
  resourceSpans: {
    scopeSpans: {
      spans: (Omit<ReceivedSpan, 'attributes' | 'kind' | 'parentSpanId'> & {
        parentSpanId?: string;
        kind: number;
        attributes: { key: string; value: Value }[];
      })[];
    }[];
  }[];
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Sent;
      for (const { scopeSpans } of resourceSpans)
        for (const { spans: sent } of scopeSpans)
          for (const span of sent)
            spans.push({
              ...span,
              parentSpanId: span.parentSpanId ?? '',
              kind: KINDS[span.kind] ?? '',
              attributes: Object.fromEntries(
                span.attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue)]),
              ),
            });
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    spans,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
