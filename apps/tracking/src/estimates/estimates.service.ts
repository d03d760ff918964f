import { Injectable } from '@nestjs/common';
import type { Estimate, ListEstimates } from '@qa-pms/contracts';
import { Database, statement } from '@qa-pms/database';
import { requireProject } from '@qa-pms/platform';
import { seenUser } from '../seen-user.js';
import { learn } from './estimate.rules.js';

/** Only the latest samples teach: how a step is done changes over time. */
const LATEST_SAMPLES = 200;

const STEPS = statement(
  'template-steps',
  `SELECT template_id AS "templateId", step.position::integer - 1 AS "stepIndex", step.value ->> 'name' AS name,
          (step.value ->> 'estimateSeconds')::integer AS "estimateSeconds"
     FROM tracking.templates, jsonb_array_elements(steps) WITH ORDINALITY AS step (value, position)
    WHERE project_id = $1 AND ($2::uuid IS NULL OR template_id = $2)
    ORDER BY template_id, step.position`,
);

// Skipped steps teach nothing about how long a step takes. A step that was handed over is one sample for everybody,
// and one of their own part for each person.
const SAMPLES = statement(
  'estimate-samples',
  `WITH samples AS (
     SELECT template_id, step_index, step_name, user_id, seconds, ended_at FROM tracking.step_times
      WHERE project_id = $1 AND ($2::uuid IS NULL OR template_id = $2) AND status = 'completed'
        AND ($3::uuid IS NULL OR user_id = $3)
     UNION ALL
     SELECT template_id, step_index, step_name, NULL, sum(seconds)::integer, max(ended_at) FROM tracking.step_times
      WHERE project_id = $1 AND ($2::uuid IS NULL OR template_id = $2) AND status = 'completed'
      GROUP BY template_id, step_index, step_name, workflow_id
   ), latest AS (
     SELECT *, row_number() OVER (PARTITION BY template_id, step_index, step_name, user_id ORDER BY ended_at DESC) AS age
       FROM samples
   )
   SELECT template_id AS "templateId", step_index AS "stepIndex", step_name AS name, user_id AS "userId",
          array_agg(seconds) AS seconds
     FROM latest WHERE age <= $4 GROUP BY template_id, step_index, step_name, user_id`,
);

interface Step {
  templateId: string;
  stepIndex: number;
  name: string;
  estimateSeconds: number;
}

type Samples = Omit<Step, 'estimateSeconds'> & { userId: string | null; seconds: number[] };

/** Estimates that are learned from history. */
@Injectable()
export class EstimatesService {
  constructor(private readonly db: Database) {}

  /**
   * For every step of every template that was used: everybody's, and those of the persons whom the caller may see.
   * Only that person's where one is named. Throws FORBIDDEN.
   */
  async list(query: ListEstimates): Promise<{ data: Estimate[] }> {
    const person = seenUser(query.userId);
    const values = [requireProject(), query.templateId ?? null];
    const [steps, samples] = await Promise.all([
      this.db.read<Step>(STEPS, values),
      this.db.read<Samples>(SAMPLES, [...values, person, LATEST_SAMPLES]),
    ]);
    const data = steps.flatMap((step) =>
      estimatesOf(
        step,
        samples.filter((one) => isOf(one, step)),
        person,
      ),
    );
    return { data: query.userId ? data.filter(({ userId }) => userId !== null) : data };
  }
}

function estimatesOf(step: Step, samples: Samples[], person: string | null): Estimate[] {
  const learnedBy = new Map(samples.map(({ userId, seconds }) => [userId, seconds]));
  const others = [...learnedBy.keys()].filter((userId) => userId !== null).sort();
  const people = [null, ...(person === null ? others : [person])];
  return people.map((userId) => ({
    templateId: step.templateId,
    stepIndex: step.stepIndex,
    userId,
    ...learn(learnedBy.get(userId) ?? [], step.estimateSeconds),
  }));
}

/** A new version of a template may have another step at an index: its name must be the same too. */
function isOf(samples: Samples, step: Step): boolean {
  return samples.templateId === step.templateId && samples.stepIndex === step.stepIndex && samples.name === step.name;
}
