import { Injectable } from '@nestjs/common';
import {
  AppError,
  type Estimate,
  GetTemplate,
  type ListEstimates,
  ListTemplates,
  type Template,
} from '@qa-pms/contracts';
import { Database, statement } from '@qa-pms/database';
import { MessageBus, requireProject } from '@qa-pms/platform';
import { seenUser } from '../seen-user.js';
import { learn } from './estimate.rules.js';

/** Only the latest samples teach: how a step is done changes over time. */
const LATEST_SAMPLES = 200;

/**
 * So many templates fit into one answer, however long they are: each came in a body of 1 MiB at most, and an answer has
 * 8 MB (docs/adr/0009).
 */
const TEMPLATES_AT_ONCE = 7;

/**
 * Steps of the newest version of each template: as workflow has told them ($3), or for those that it has no more, as they
 * were when last used. A new version may have another step at an index: names count.
 */
const STEPS = `told AS (
  SELECT id, steps FROM jsonb_to_recordset($3::jsonb) AS told (id uuid, steps jsonb)
), known AS (
  SELECT id, steps FROM told
  UNION ALL
  SELECT template_id, steps FROM tracking.templates
   WHERE project_id = $1 AND ($2::uuid IS NULL OR template_id = $2) AND template_id NOT IN (SELECT id FROM told)
), steps AS (
  SELECT id AS "templateId", step.position::integer - 1 AS "stepIndex", step.value ->> 'name' AS name,
         (step.value ->> 'estimateSeconds')::integer AS "estimateSeconds"
    FROM known, jsonb_array_elements(known.steps) WITH ORDINALITY AS step (value, position))`;

/** Skipped steps teach nothing about how long a step takes. */
const COMPLETED = `FROM tracking.step_times
  WHERE project_id = $1 AND template_id = "templateId" AND step_index = "stepIndex" AND step_name = name AND status = 'completed'`;

// Each reads the latest samples of each step by an index, however long the history is. A step that was handed over has a
// part for each person, which all end with it: one sample for everybody, and one of their own part for each.
const OF_ALL = statement(
  'estimates-of-all',
  `WITH ${STEPS}
   SELECT steps.*, NULL AS "userId", ARRAY(
     SELECT sum(seconds)::integer ${COMPLETED}
      GROUP BY ended_at, workflow_id ORDER BY ended_at DESC, workflow_id LIMIT ${String(LATEST_SAMPLES)}
   ) AS seconds FROM steps`,
);
const LATEST_OF_PERSON = `ARRAY(
  SELECT seconds ${COMPLETED} AND user_id = "userId" ORDER BY ended_at DESC LIMIT ${String(LATEST_SAMPLES)})`;
const OF_ONE = statement(
  'estimates-of-one',
  `WITH ${STEPS}, people AS (SELECT $4::uuid AS "userId")
   SELECT *, ${LATEST_OF_PERSON} AS seconds FROM steps, people`,
);
// One probe of an index for each person; DISTINCT would read all rows. Of a template that nobody used nobody has a sample.
const OF_EACH = statement(
  'estimates-of-each',
  `WITH RECURSIVE people AS (
     (SELECT user_id FROM tracking.step_times WHERE project_id = $1 ORDER BY user_id LIMIT 1)
     UNION ALL
     SELECT (SELECT user_id FROM tracking.step_times WHERE project_id = $1 AND user_id > people.user_id
              ORDER BY user_id LIMIT 1)
       FROM people WHERE user_id IS NOT NULL
   ), ${STEPS}
   SELECT * FROM (
     SELECT steps.*, "userId", ${LATEST_OF_PERSON} AS seconds
       FROM steps, (SELECT user_id AS "userId" FROM people WHERE user_id IS NOT NULL) AS known
      WHERE "templateId" IN (SELECT template_id FROM tracking.templates WHERE project_id = $1)
   ) AS each WHERE cardinality(seconds) > 0`,
);

/** A step, and what it took somebody, or everybody (null), the latest times. */
interface Samples {
  templateId: string;
  stepIndex: number;
  estimateSeconds: number;
  userId: string | null;
  seconds: number[];
}

/** What is asked of a template. */
interface Told {
  id: string;
  steps: Pick<Template['steps'][number], 'name' | 'estimateSeconds'>[];
}

/** Estimates: those of the templates, until history teaches better ones. */
@Injectable()
export class EstimatesService {
  constructor(
    private readonly db: Database,
    private readonly bus: MessageBus,
  ) {}

  /**
   * For every step of every template that there is or that was used: everybody's, and those of the persons whom the caller
   * may see. Only that person's where one is named. Throws FORBIDDEN.
   */
  async list(query: ListEstimates): Promise<{ data: Estimate[] }> {
    const person = seenUser(query.userId);
    const templates = query.templateId ? await this.template(query.templateId) : await this.templates();
    const values = [requireProject(), query.templateId ?? null, JSON.stringify(templates)];
    const samples = await Promise.all([
      query.userId ? [] : this.db.read<Samples>(OF_ALL, values),
      person === null ? this.db.read<Samples>(OF_EACH, values) : this.db.read<Samples>(OF_ONE, [...values, person]),
    ]);
    const data = samples.flat().map(toEstimate);
    return { data: data.sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1)) };
  }

  /** None where the project has it no more, or never had it. */
  private async template(id: string): Promise<Told[]> {
    try {
      return [toTold(await this.bus.request(GetTemplate, { id }))];
    } catch (error) {
      if (error instanceof AppError && error.code === 'TEMPLATE_NOT_FOUND') return [];
      throw error;
    }
  }

  private async templates(): Promise<Told[]> {
    const templates: Told[] = [];
    // One page after the other: all at once would fill what workflow takes at a time, for one caller.
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const { data, pagination } = await this.bus.request(ListTemplates, { page, pageSize: TEMPLATES_AT_ONCE });
      templates.push(...data.map(toTold));
      pages = pagination.totalPages;
    }
    return templates;
  }
}

/** With its descriptions each template may have a megabyte: some tens of them would end the process. */
function toTold({ id, steps }: Template): Told {
  return { id, steps: steps.map(({ name, estimateSeconds }) => ({ name, estimateSeconds })) };
}

function toEstimate({ templateId, stepIndex, userId, seconds, estimateSeconds }: Samples): Estimate {
  return { templateId, stepIndex, userId, ...learn(seconds, estimateSeconds) };
}

/** By template and step, everybody's before each person's. */
function orderOf({ templateId, stepIndex, userId }: Estimate): string {
  return [templateId, String(stepIndex).padStart(4, '0'), userId ?? ''].join(' ');
}
