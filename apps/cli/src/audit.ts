import { type ProbedTable, probeIsolation } from '@qa-pms/database';
import { servicesWithDatabase, withDatabase, withDataSource } from './database.js';
import { CliError } from './errors.js';
import { type Context, table } from './output.js';

/**
 * `qa-pms audit isolation`: tries, as the role that each service works in, to see rows of another project and to make
 * some for it. Throws (exit code 1), after its report, where it could.
 */
export async function auditIsolation({ file, output }: Context): Promise<void> {
  const services = servicesWithDatabase();
  const progress = output.progress('probing');
  const tables = await withDatabase(file, async ({ settings }) => {
    const all: (ProbedTable & { service: string })[] = [];
    for (const [index, service] of services.entries()) {
      progress.at(index, services.length);
      const probed = await withDataSource(service, settings, (dataSource) =>
        probeIsolation(dataSource, service.database),
      );
      all.push(...probed.map((one) => ({ service: service.name, ...one })));
    }
    return all;
  }).finally(() => {
    progress.done();
  });
  const failures = tables.reduce((sum, { faults }) => sum + faults.length, 0);
  await output.print({ at: new Date().toISOString(), failures, tables }, () => {
    const result = ({ faults, exception, rows: count }: ProbedTable): string => {
      if (faults.length > 0) return output.style('red', faults.join(' '));
      return exception ?? (count === 0 ? 'secured; no rows to try' : output.style('green', 'isolated'));
    };
    const rows = tables.map((one) => [one.service, one.table, String(one.projects), String(one.rows), result(one)]);
    return table(['service', 'table', 'projects', 'rows', 'result'], rows);
  });
  if (failures > 0)
    throw new CliError(
      `Projects are not kept apart (faults: ${String(failures)}): restore the policies that the migrations made.`,
    );
}
