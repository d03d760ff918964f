import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Attributes,
  context,
  propagation,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { suppressTracing, W3CTraceContextPropagator } from '@opentelemetry/core';
import { traceBy } from '@qa-pms/platform';
import { all, type Answer, connect, failureOf, stopClock } from './client.fixture.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

interface Recorded {
  name: string;
  kind: number | undefined;
  attributes: Attributes;
  status: number;
  ended: boolean;
}

const spans: Recorded[] = [];

/** Keeps what the client tells; the SDK is the application's. */
const tracer = {
  startSpan: (name: string, options: SpanOptions = {}) => {
    const { kind, attributes } = options;
    const recorded: Recorded = {
      name,
      kind,
      attributes: { ...attributes },
      status: SpanStatusCode.UNSET,
      ended: false,
    };
    spans.push(recorded);
    return {
      spanContext: () => ({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1 }),
      setAttribute: (key: string, value: string | number) => {
        recorded.attributes[key] = value;
      },
      setStatus: ({ code }: { code: number }) => {
        recorded.status = code;
      },
      end: () => {
        recorded.ended = true;
      },
    } as unknown as Span;
  },
} as unknown as Tracer;

describe('the spans of a call', () => {
  beforeAll(() => {
    traceBy({ tracer, suppress: suppressTracing });
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  afterAll(() => {
    traceBy(null);
    propagation.disable();
    context.disable();
  });

  beforeEach(() => {
    spans.length = 0;
  });

  it('are one for each try', async () => {
    stopClock();
    const { client, server } = await connect([{ status: 503 }, {}]);

    await client.call({ path: '/things', query: { q: 'secret words' }, read: all });

    const common = {
      'http.request.method': 'GET',
      'server.address': '127.0.0.1',
      'server.port': server.port,
      'url.full': `${server.url}/api/things?q=REDACTED`,
    };
    expect(spans).toEqual([
      {
        name: 'GET',
        kind: 2,
        attributes: { ...common, 'http.response.status_code': 503, 'error.type': '503' },
        status: SpanStatusCode.ERROR,
        ended: true,
      },
      {
        name: 'GET',
        kind: 2,
        attributes: { ...common, 'http.request.resend_count': 1, 'http.response.status_code': 200 },
        status: SpanStatusCode.UNSET,
        ended: true,
      },
    ]);
  });

  it.each<[string, Answer, string]>([
    ['no connection', (_request, response) => response.destroy(), 'unreachable'],
    ['an answer that cannot be read', (_request, response) => response.end('<html>'), 'failed'],
  ])('name the kind of error of %s', async (_what, answer, type) => {
    const { client } = await connect([answer]);

    await failureOf(client.call({ path: '/x', idempotent: false, read: all }));

    expect(spans.map(({ attributes, ended }) => [attributes['error.type'], ended])).toEqual([[type, true]]);
  });

  it('are known to the upstream only where that is set', async () => {
    const stranger = await connect([{}]);
    const own = await connect([{}], { propagateTrace: true });

    await stranger.client.call({ path: '/x', read: all });
    await own.client.call({ path: '/x', read: all });

    expect([stranger, own].map(({ asked }) => asked[0]?.headers['traceparent'])).toEqual([
      undefined,
      `00-${TRACE_ID}-${SPAN_ID}-01`,
    ]);
  });
});
