import { AuthSettings, Setting } from '@qa-pms/platform';

/** Settings of the public door. */
export class GatewaySettings extends AuthSettings {
  /** Origins whose pages may call the API. */
  @Setting({
    key: 'cors.origins',
    description: 'Origins whose pages may call the API; none: none but our own.',
    example: 'https://qa.example.com',
  })
  corsOrigins: string[] = [];
}
