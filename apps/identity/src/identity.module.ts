import { Module } from '@nestjs/common';
import { DatabaseModule } from '@qa-pms/database';
import { Access } from './access/access.js';
import { AccessChangesService } from './access/access-changes.js';
import { DemoMessages } from './demo/demo.messages.js';
import { DemoService } from './demo/demo.service.js';
import { identityDatabase } from './identity.database.js';
import { MembersService } from './projects/members.service.js';
import { ProjectsMessages } from './projects/projects.messages.js';
import { ProjectsService } from './projects/projects.service.js';
import { AccessTokens } from './sign-in/access-tokens.js';
import { SignInMessages } from './sign-in/sign-in.messages.js';
import { SignInService } from './sign-in/sign-in.service.js';
import { SigningKeysService } from './sign-in/signing-keys.service.js';
import { PasswordHasher } from './users/password-hasher.js';
import { ProfileService } from './users/profile.service.js';
import { UsersMessages } from './users/users.messages.js';
import { UsersService } from './users/users.service.js';

@Module({
  imports: [DatabaseModule.forService(identityDatabase)],
  controllers: [SignInMessages, UsersMessages, ProjectsMessages, DemoMessages],
  providers: [
    Access,
    AccessChangesService,
    AccessTokens,
    DemoService,
    MembersService,
    PasswordHasher,
    ProfileService,
    ProjectsService,
    SignInService,
    SigningKeysService,
    UsersService,
  ],
})
export class IdentityModule {}
