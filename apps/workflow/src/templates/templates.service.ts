import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateTemplate,
  type DeleteTemplate,
  type ListTemplates,
  paged,
  type Pagination,
  type Template,
  type TemplateStep,
  type UpdateTemplate,
} from '@qa-pms/contracts';
import { Database, lookup, ordersBy, sortedStatements, statement, type Transaction } from '@qa-pms/database';
import { requireProject } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { BUG_FIX, FEATURE_TEST } from './seeded-templates.js';

interface TemplateRow {
  id: string;
  project_id: string | null;
  name: string;
  ticket_type: string | null;
  description: string;
  version: number;
  is_seeded: boolean;
  steps: TemplateStep[];
  updated_at: Date;
  deleted_at: Date | null;
}

/** Every version is a row: the latest counts, a project's own before the seeded one that all projects share. */
const LATEST = `
  SELECT DISTINCT ON (id) * FROM workflow.templates ORDER BY id, project_id NULLS LAST, version DESC`;

const ORDERS = {
  default: 'is_seeded DESC, id',
  ...ordersBy({ name: 'lower(name)', updated_at: 'updated_at' }, 'id'),
};
const LISTS = sortedStatements('templates-list', ORDERS, {
  select: '*',
  from: `(${LATEST}) AS latest
   WHERE deleted_at IS NULL AND ($1::text IS NULL OR lower(ticket_type) = lower($1))`,
  parameters: 1,
});
const GET = lookup('templates-get', `SELECT * FROM (${LATEST}) AS latest WHERE id = $1 AND deleted_at IS NULL`);
const FOR_TYPE = statement(
  'templates-for-type',
  `SELECT * FROM (${LATEST}) AS latest
   WHERE deleted_at IS NULL AND (lower(ticket_type) = lower($1) OR id = $2)
   ORDER BY lower(ticket_type) = lower($1) DESC NULLS LAST, is_seeded, id DESC LIMIT 1`,
);

/** Templates of a project: the seeded ones and its own. */
@Injectable()
export class TemplatesService {
  constructor(private readonly db: Database) {}

  async list(query: ListTemplates): Promise<{ data: Template[]; pagination: Pagination }> {
    const list = LISTS[query.sortBy ?? 'default'];
    const { rows, total } = await this.db.readPage<TemplateRow>(list, [query.ticketType ?? null], query);
    return paged(rows.map(toTemplate), total, query);
  }

  /** Throws TEMPLATE_NOT_FOUND. */
  async get(id: string): Promise<Template> {
    const [row] = await this.db.read<TemplateRow>(GET, [id]);
    if (!row) throw new AppError('TEMPLATE_NOT_FOUND', { id });
    return toTemplate(row);
  }

  /** The template that a type of ticket takes. */
  async forTicketType(ticketType: string): Promise<Template> {
    const fallback = ticketType.toLowerCase() === 'bug' ? BUG_FIX : FEATURE_TEST;
    const [row] = await this.db.read<TemplateRow>(FOR_TYPE, [ticketType, fallback]);
    if (!row) throw new AppError('TEMPLATE_NOT_FOUND', { ticketType });
    return toTemplate(row);
  }

  create({ name, ticketType, description, steps }: CreateTemplate): Promise<Template> {
    return this.db.once((tx) =>
      insert(tx, {
        id: uuidv7(),
        name,
        ticketType: ticketType ?? null,
        description: description ?? '',
        steps,
        version: 1,
        isSeeded: false,
      }),
    );
  }

  update({ id, expectedVersion, name, ticketType, description, steps }: UpdateTemplate): Promise<Template> {
    return this.db.once(async (tx) => {
      const current = await this.current(tx, id, expectedVersion);
      return insert(tx, {
        id,
        name,
        ticketType: ticketType ?? null,
        description: description ?? '',
        steps,
        version: current.version + 1,
        isSeeded: current.is_seeded,
      });
    });
  }

  delete({ id, expectedVersion }: DeleteTemplate): Promise<object> {
    return this.db.once(async (tx) => {
      const current = await this.current(tx, id, expectedVersion);
      if (current.is_seeded) throw new AppError('TEMPLATE_SEEDED', { id });
      await tx.query('UPDATE workflow.templates SET deleted_at = now() WHERE id = $1', [id]);
      return {};
    });
  }

  private async current(tx: Transaction, id: string, expectedVersion: number | null = null): Promise<TemplateRow> {
    // The shared row of a seeded template cannot be locked; without a lock, a new version could outlive a deletion.
    await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 2))', [`${requireProject()} template ${id}`]);
    const [row] = await tx.query<TemplateRow>(GET.text, [id]);
    if (!row) throw new AppError('TEMPLATE_NOT_FOUND', { id });
    if (expectedVersion !== null && row.version !== expectedVersion)
      throw new AppError('PRECONDITION_FAILED', { version: row.version });
    return row;
  }
}

interface NewVersion {
  id: string;
  name: string;
  ticketType: string | null;
  description: string;
  version: number;
  isSeeded: boolean;
  steps: TemplateStep[];
}

async function insert(
  tx: Transaction,
  { id, name, ticketType, description, version, isSeeded, steps }: NewVersion,
): Promise<Template> {
  const [row] = await tx.query<TemplateRow>(
    `INSERT INTO workflow.templates (id, project_id, name, ticket_type, description, version, is_seeded, steps)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *`,
    [id, requireProject(), name, ticketType, description, version, isSeeded, JSON.stringify(steps)],
  );
  return toTemplate(row as TemplateRow);
}

function toTemplate(row: TemplateRow): Template {
  return {
    id: row.id,
    name: row.name,
    ticketType: row.ticket_type,
    description: row.description,
    version: row.version,
    isSeeded: row.is_seeded,
    steps: row.steps.map(({ name, description, estimateSeconds }) => ({ name, description, estimateSeconds })),
    estimateSeconds: row.steps.reduce((sum, { estimateSeconds }) => sum + estimateSeconds, 0),
    updatedAt: row.updated_at.toISOString(),
  };
}
