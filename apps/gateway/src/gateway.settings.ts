import { Setting } from '@qa-pms/platform';

/** Settings of the gateway. */
export class GatewaySettings {
  /** Issuer that access tokens must name; the same as identity's. */
  @Setting({
    key: 'auth.issuer',
    description: "Issuer that access tokens must name (claim iss); the same as identity's.",
    example: 'https://qa.example.com',
  })
  issuer = 'qa-pms';

  /** Audience that access tokens must name; the same as identity's. */
  @Setting({
    key: 'auth.audience',
    description: "Audience that access tokens must name (claim aud); the same as identity's.",
    example: 'qa-pms-api',
  })
  audience = 'qa-pms';

  /** Origins whose pages may call the API from a browser. */
  @Setting({
    key: 'cors.origins',
    description: 'Origins whose pages may call the API from a browser, comma-separated; empty: none.',
    example: 'https://qa.example.com,http://localhost:5173',
    optional: true,
  })
  corsOrigins = '';

  /** Smallest answer in bytes that is compressed. */
  @Setting({
    key: 'compression.threshold_bytes',
    description: 'Smallest answer in bytes that is compressed for clients that accept it.',
    example: '1024',
  })
  compressionThresholdBytes = 1024;
}
