import { DatabaseSettings } from '@qa-pms/database';
import { defineService } from '@qa-pms/platform';
import { identityDatabase } from './identity.database.js';
import { IdentityModule } from './identity.module.js';
import { IdentitySettings } from './identity.settings.js';

/** Users, sign-in, projects and memberships. */
export const identityService = defineService({
  name: 'identity',
  module: IdentityModule,
  settings: [DatabaseSettings, IdentitySettings],
  database: identityDatabase,
  // enc:v1:<key id>:…
  sealedBy: "SELECT DISTINCT split_part(private_key, ':', 3) AS id FROM identity.signing_keys",
});
