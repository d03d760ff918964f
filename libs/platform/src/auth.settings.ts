import { Setting } from './configuration/setting.js';

/** What those who issue access tokens and those who check them must agree on. */
export class AuthSettings {
  /** The `iss` claim of access tokens. */
  @Setting({
    key: 'auth.issuer',
    description: 'Who issues access tokens (their iss claim).',
    example: 'https://qa-pms.example.com',
  })
  issuer = 'qa-pms';
}
