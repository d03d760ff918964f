import { Controller } from '@nestjs/common';
import {
  CreateProject,
  DeleteProject,
  FindProject,
  GetMember,
  GetProject,
  ListMembers,
  ListProjects,
  PutMember,
  RemoveMember,
  UpdateProject,
} from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { MembersService } from './members.service.js';
import { ProjectsService } from './projects.service.js';

@Controller()
export class ProjectsMessages {
  constructor(
    private readonly projects: ProjectsService,
    private readonly members: MembersService,
  ) {}

  @Handle(ListProjects) listProjects(query: ListProjects) {
    return this.projects.list(query);
  }

  @Handle(GetProject) getProject(query: GetProject) {
    return this.projects.get(query.id);
  }

  @Handle(FindProject) findProject(query: FindProject) {
    return this.projects.find(query.key);
  }

  @Handle(CreateProject) createProject(command: CreateProject) {
    return this.projects.create(command);
  }

  @Handle(UpdateProject) updateProject(command: UpdateProject) {
    return this.projects.update(command);
  }

  @Handle(DeleteProject) deleteProject(command: DeleteProject) {
    return this.projects.delete(command);
  }

  @Handle(ListMembers) listMembers(query: ListMembers) {
    return this.members.list(query);
  }

  @Handle(GetMember) getMember(query: GetMember) {
    return this.members.get(query.userId);
  }

  @Handle(PutMember) putMember(command: PutMember) {
    return this.members.put(command);
  }

  @Handle(RemoveMember) removeMember(command: RemoveMember) {
    return this.members.remove(command);
  }
}
