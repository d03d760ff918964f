import { startKafka, startOwnDatabase } from '@qa-pms/testing';
import { startAllInOneSystem, startDistributedSystem, type System } from '../e2e/system.js';
import { megabytes } from './load.js';
import type { Row } from './rows.js';

/** How long starts take from the process to readiness, and what each process holds in memory then. */
export async function measureStart(): Promise<Row[]> {
  const one = await startAllInOneSystem();
  const first = row('all-in-one, first start', one, 'all');
  await one.processes.get('all')?.stop();
  await one.start('all', 'all');
  const again = row('all-in-one, second start', one, 'all');
  await one.stop();
  const kafka = await startKafka();
  const database = await startOwnDatabase();
  try {
    const system = await startDistributedSystem(kafka.brokers, { given: database });
    const names = [...system.processes.keys()].filter((name) => name !== 'simulator');
    const rows = names.map((name) => row(`${name}, over Kafka`, system, name));
    await system.stop();
    return [first, again, ...rows];
  } finally {
    await database.stop();
    await kafka.stop();
  }
}

function row(what: string, { processes }: System, name: string): Row {
  const { readyMs, pid } = processes.get(name)!;
  return { what, 'ready after ms': Math.round(readyMs), 'memory MB': megabytes(pid) };
}
