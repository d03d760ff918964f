import { BooleanField, IdField, IntegerField, ListField, TextField, TimeField } from './fields.js';
import { command, query } from './message.js';
import { Empty } from './identity.js';
import { pageOf, PageQuery, SortField, sortsOf } from './paging.js';

/** Steps of a template, and so of a workflow, at most. */
export const MAX_STEPS = 50;

export class TemplateStep {
  @TextField({ description: 'Name.', max: 200, example: 'Reproduce' })
  name!: string;

  @TextField({
    description: 'What to do, Markdown.',
    max: 10_000,
    min: 0,
    example: 'Follow the steps of the ticket on staging.',
  })
  description!: string;

  @IntegerField({ description: 'Estimate in seconds.', min: 0, max: 864_000, example: 900 })
  estimateSeconds!: number;
}

/** The steps that testing a type of ticket takes. Versioned: a running workflow keeps the version it started with. */
export class Template {
  @IdField({ description: 'The template.' })
  id!: string;

  @TextField({ description: 'Name.', max: 200, example: 'Bug fix' })
  name!: string;

  @TextField({
    description: 'Type of ticket that takes it; null: chosen by hand only.',
    max: 200,
    nullable: true,
    example: 'Bug',
  })
  ticketType!: string | null;

  @TextField({ description: 'What it is for.', max: 5000, min: 0, example: 'Verify that a bug is fixed.' })
  description!: string;

  @IntegerField({ description: 'Version, from 1; also the ETag.', example: 1 })
  version!: number;

  @BooleanField({ description: 'Came with the product.', example: true })
  isSeeded!: boolean;

  @ListField(() => TemplateStep, { description: 'The steps in their order.' })
  steps!: TemplateStep[];

  @IntegerField({ description: 'Sum of the estimates in seconds.', example: 5400 })
  estimateSeconds!: number;

  @TimeField({ description: 'When this version was made.' })
  updatedAt!: string;
}

export const TEMPLATE_SORTS = sortsOf('name', 'updated_at');

export class ListTemplates extends query(
  { service: 'workflow', name: 'list-templates', reply: pageOf(Template), permission: 'templates:read' },
  PageQuery,
) {
  @TextField({ description: 'Only this type of ticket.', max: 200, optional: true, example: 'Bug' })
  ticketType?: string;

  @SortField(TEMPLATE_SORTS, 'those that came with the product first')
  sortBy?: (typeof TEMPLATE_SORTS)[number];
}

export class GetTemplate extends query({
  service: 'workflow',
  name: 'get-template',
  reply: Template,
  permission: 'templates:read',
  errors: ['TEMPLATE_NOT_FOUND'],
}) {
  @IdField({ description: 'The template.' })
  id!: string;
}

class TemplateContent {
  @TextField({ description: 'Name.', max: 200, example: 'Hotfix check' })
  name!: string;

  @TextField({ description: 'Type of ticket that takes it.', max: 200, optional: true, example: 'Hotfix' })
  ticketType?: string | null;

  @TextField({
    description: 'What it is for.',
    max: 5000,
    min: 0,
    optional: true,
    example: 'The short way for hotfixes.',
  })
  description?: string;

  @ListField(() => TemplateStep, { description: 'The steps in their order.', minItems: 1, maxItems: MAX_STEPS })
  steps!: TemplateStep[];
}

export class CreateTemplate extends command(
  { service: 'workflow', name: 'create-template', reply: Template, permission: 'templates:write', key: 'name' },
  TemplateContent,
) {}

/** Makes a new version. */
export class UpdateTemplate extends command(
  {
    service: 'workflow',
    name: 'update-template',
    reply: Template,
    permission: 'templates:write',
    key: 'id',
    errors: ['TEMPLATE_NOT_FOUND', 'PRECONDITION_FAILED'],
  },
  TemplateContent,
) {
  @IdField({ description: 'The template.' })
  id!: string;

  @IntegerField({ description: 'Version that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
}

/** Running workflows keep theirs. */
export class DeleteTemplate extends command({
  service: 'workflow',
  name: 'delete-template',
  reply: Empty,
  permission: 'templates:write',
  key: 'id',
  errors: ['TEMPLATE_NOT_FOUND', 'TEMPLATE_SEEDED', 'PRECONDITION_FAILED'],
}) {
  @IdField({ description: 'The template.' })
  id!: string;

  @IntegerField({ description: 'Version that the change is based on (If-Match).', optional: true, example: 1 })
  expectedVersion?: number;
}
