import { AuthSettings, Setting } from '@qa-pms/platform';

/** Settings of the public door. */
export class GatewaySettings extends AuthSettings {
  /** Origins whose pages may call the API. */
  @Setting({
    key: 'cors.origins',
    description: 'Origins whose pages may call the API; none: none but our own.',
    example: 'https://qa.example.com',
    check: originProblem,
  })
  corsOrigins: string[] = [];
}

/** Browsers send it in one form only, and it is compared as a text. */
function originProblem(value: string): string | null {
  return URL.parse(value)?.origin === value ? null : 'is no origin: scheme, host and port, without a slash at the end';
}
