import { Setting } from '@qa-pms/platform';

/** Settings of the public door. */
export class GatewaySettings {
  /** Origins whose pages may call the API. */
  @Setting({
    key: 'cors.origins',
    description: 'Origins whose pages may call the API, comma-separated; empty: none but our own.',
    example: 'https://qa.example.com',
    optional: true,
  })
  corsOrigins = '';

  /** Issuer that access tokens must name. */
  @Setting({
    key: 'auth.issuer',
    description: 'Issuer that access tokens must name.',
    example: 'https://qa.example.com',
  })
  issuer = 'qa-pms';
}
