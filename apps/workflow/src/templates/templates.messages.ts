import { Controller } from '@nestjs/common';
import {
  CreateTemplate,
  DeleteTemplate,
  GetTemplate,
  ListTemplates,
  type Template,
  UpdateTemplate,
} from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { TemplatesService } from './templates.service.js';

@Controller()
export class TemplatesMessages {
  constructor(private readonly templates: TemplatesService) {}

  @Handle(ListTemplates)
  list(query: ListTemplates): Promise<object> {
    return this.templates.list(query);
  }

  @Handle(GetTemplate)
  get({ id }: GetTemplate): Promise<Template> {
    return this.templates.get(id);
  }

  @Handle(CreateTemplate)
  create(command: CreateTemplate): Promise<Template> {
    return this.templates.create(command);
  }

  @Handle(UpdateTemplate)
  update(command: UpdateTemplate): Promise<Template> {
    return this.templates.update(command);
  }

  @Handle(DeleteTemplate)
  delete(command: DeleteTemplate): Promise<object> {
    return this.templates.delete(command);
  }
}
