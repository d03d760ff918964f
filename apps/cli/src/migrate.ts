import { migrationStatus, planMigrations, revertMigration, runMigrations } from '@qa-pms/database';
import type { DataSource } from 'typeorm';
import { servicesWithDatabase, withDatabase, withDataSource } from './database.js';
import type { Context } from './output.js';

/** A container's database may still be starting. */
const PATIENCE_S = 30;

type Action = 'run' | 'status' | 'revert';

/** What a command did to a service's tables, or would do. */
interface Outcome {
  service: string;
  applied?: string[];
  pending?: string[];
  reverted?: string[];
  /** The SQL of a dry run. */
  statements?: string[];
}

/** `qa-pms migrate run|status|revert`. */
export async function migrate(
  action: Action,
  { service, dryRun = false }: { service?: string; dryRun?: boolean },
  { file, output }: Context,
): Promise<void> {
  const chosen = servicesWithDatabase(service ?? null);
  const outcomes = await withDatabase(
    file,
    async ({ settings }) => {
      const all: Outcome[] = [];
      const progress = output.progress('migrating');
      for (const [index, one] of chosen.entries()) {
        progress.at(index, chosen.length);
        const { schema } = one.database;
        const work = (dataSource: DataSource): Promise<Outcome> =>
          migrateOne(action, one.name, schema, dataSource, dryRun);
        all.push(await withDataSource(one, settings, work, { patienceSeconds: PATIENCE_S }));
      }
      progress.done();
      return all;
    },
    { make: action === 'run' },
  );
  await output.print(outcomes, () => outcomes.map((outcome) => text(outcome, dryRun)).join('\n'));
}

async function migrateOne(
  action: Action,
  service: string,
  schema: string,
  dataSource: DataSource,
  dryRun: boolean,
): Promise<Outcome> {
  if (action === 'status') return { service, ...(await migrationStatus(dataSource, schema)) };
  const key = action === 'run' ? 'applied' : 'reverted';
  if (dryRun) {
    const { names, statements } = await planMigrations(dataSource, schema, action);
    return { service, [key]: names, statements };
  }
  if (action === 'run') return { service, applied: await runMigrations(dataSource, schema) };
  const reverted = await revertMigration(dataSource, schema);
  return { service, reverted: reverted === null ? [] : [reverted] };
}

function text({ service, applied, pending, reverted, statements }: Outcome, dryRun: boolean): string {
  const would = dryRun ? 'would have ' : '';
  if (pending) return `${service}: ${pending.length === 0 ? 'up to date' : `pending ${pending.join(', ')}`}`;
  if (reverted) {
    const line = `${service}: ${would}reverted ${reverted[0] ?? 'nothing'}`;
    return [line, ...sql(statements)].join('\n');
  }
  const line = applied?.length === 0 ? 'up to date' : `${would}applied ${(applied ?? []).join(', ')}`;
  return [`${service}: ${line}`, ...sql(statements)].join('\n');
}

function sql(statements: string[] = []): string[] {
  return statements.map((statement) => `${statement.replace(/^/gm, '  ')};`);
}
