import { Setting } from '../configuration/setting.js';

/** Settings of metrics and traces. */
export class TelemetrySettings {
  /** Token that `/metrics` demands, and that opens `/health/detailed`. */
  @Setting({
    key: 'metrics.token',
    description:
      'Bearer token that `/metrics` demands, and that opens `/health/detailed` without sign-in. Empty: `/metrics` is open to whoever reaches it, and details are for administrators only, by their sign-in at the gateway.',
    example: '<32 random characters>',
    secret: true,
    optional: true,
    reloadable: true,
    check: (token) => (/^[\x21-\x7e]*$/.test(token) ? null : 'must be visible ASCII characters without spaces'),
  })
  metricsToken = '';

  /** Address of an OpenTelemetry collector, or of Jaeger. */
  @Setting({
    key: 'otel.exporter.otlp.endpoint',
    description: 'Address of an OpenTelemetry collector that takes traces by OTLP; empty: no traces.',
    example: 'http://jaeger:4318',
    optional: true,
    check: endpointProblem,
  })
  endpoint = '';

  /** How spans travel to the collector. */
  @Setting({
    key: 'otel.exporter.otlp.protocol',
    description: 'How spans travel to the collector.',
    example: 'grpc',
    values: ['http/protobuf', 'http/json', 'grpc'],
  })
  protocol = 'http/protobuf';

  /** Share of new traces that are recorded; those that come in are recorded when their sender does. */
  @Setting({
    key: 'trace.sample_ratio',
    description:
      'Share of new traces that are recorded, 0 to 1; a request that brings a trace context is recorded when its sender records. In production 1 with tail sampling behind it, else 0.1.',
    example: '0.1',
    fraction: true,
    max: 1,
    reloadable: true,
  })
  sampleRatio = 1;
}

function endpointProblem(value: string): string | null {
  const url = URL.parse(value);
  if (!url || !/^https?:\/\/\S+$/.test(value)) return 'is no http or https address';
  // The exporter would leave them out; it reads this variable itself: https://opentelemetry.io/docs/specs/otel/protocol/exporter
  if (url.username !== '' || url.password !== '') {
    return 'holds a user name or password: give the header authorization in OTEL_EXPORTER_OTLP_HEADERS';
  }
  return url.search === '' && url.hash === '' ? null : 'holds a query, which is not sent';
}
