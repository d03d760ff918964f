import { Controller } from '@nestjs/common';
import { UserChanged } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { PeopleService } from './people.service.js';

@Controller()
export class PeopleMessages {
  constructor(private readonly people: PeopleService) {}

  @Handle(UserChanged)
  userChanged(event: UserChanged) {
    return this.people.userChanged(event);
  }
}
