import { Controller } from '@nestjs/common';
import {
  CreateUser,
  GetAccessChanges,
  GetMe,
  GetUser,
  ListUsers,
  ResolveAccess,
  UpdateMe,
  UpdateUser,
} from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { AccessChangesService } from '../access/access-changes.js';
import { ProfileService } from './profile.service.js';
import { UsersService } from './users.service.js';

@Controller()
export class UsersMessages {
  constructor(
    private readonly users: UsersService,
    private readonly profiles: ProfileService,
    private readonly accessChanges: AccessChangesService,
  ) {}

  @Handle(GetMe) getMe() {
    return this.profiles.getMe();
  }

  @Handle(UpdateMe) updateMe(command: UpdateMe) {
    return this.profiles.updateMe(command);
  }

  @Handle(ResolveAccess) resolveAccess(query: ResolveAccess) {
    return this.profiles.resolveAccess(query.userId);
  }

  @Handle(GetAccessChanges) getAccessChanges(query: GetAccessChanges) {
    return this.accessChanges.since(query.since ?? null);
  }

  @Handle(ListUsers) listUsers(query: ListUsers) {
    return this.users.list(query);
  }

  @Handle(GetUser) getUser(query: GetUser) {
    return this.users.get(query.id);
  }

  @Handle(CreateUser) createUser(command: CreateUser) {
    return this.users.create(command);
  }

  @Handle(UpdateUser) updateUser(command: UpdateUser) {
    return this.users.update(command);
  }
}
