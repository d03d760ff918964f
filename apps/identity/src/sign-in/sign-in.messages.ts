import { Controller } from '@nestjs/common';
import { GetSigningKeys, Login } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { SignInService } from './sign-in.service.js';
import { SigningKeysService } from './signing-keys.service.js';

@Controller()
export class SignInMessages {
  constructor(
    private readonly signIn: SignInService,
    private readonly keys: SigningKeysService,
  ) {}

  @Handle(Login) login(query: Login) {
    return this.signIn.login(query);
  }

  @Handle(GetSigningKeys) getSigningKeys() {
    return this.keys.publicKeys();
  }
}
