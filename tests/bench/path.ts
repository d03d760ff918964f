import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@qa-pms/database/embedded';
import type { TicketPage, Workflow } from '@qa-pms/contracts';
import { startKafka, startOwnDatabase } from '@qa-pms/testing';
import type { Api } from '../e2e/api.js';
import { Process, startAllInOneSystem, startDistributedSystem, type System } from '../e2e/system.js';
import {
  type Load,
  type LoadRequest,
  type LoadResult,
  measure,
  measureAfterWarmUp,
  median,
  megabytes,
  SECONDS,
  warmUp,
} from './load.js';
import { pgbench } from './pgbench.js';
import { rounded, type Row } from './rows.js';

const PEOPLE = ['qa', 'qa2', 'lead', 'manager'];
/** Of each system, in turn with the other: within a run the machine's speed was seen to change by a third. */
const TURNS = 7;
/** Of the seeded templates for bugs and features. */
const STEPS = 5;
const STEP_BY_STEP = Array.from({ length: STEPS }, (_, index) => ({
  method: 'POST',
  path: `/api/v1/workflows/{id}/steps/${String(index)}/complete`,
  body: '{"outcome":"passed"}',
}));

/** Bare Fastify, the edge, and the main path: in one process and as services of their own over Kafka. */
export async function measurePath(): Promise<Row[]> {
  const kafka = await startKafka();
  const database = await startOwnDatabase();
  const systems: System[] = [];
  try {
    const { rows: reference, cpuMicros } = await measureReference();
    const one = await startAllInOneSystem();
    systems.push(one);
    const apart = await startDistributedSystem(kafka.brokers, { given: database });
    systems.push(apart);
    const subjects = [await subjectOf(one, 'all-in-one'), await subjectOf(apart, 'over Kafka')];
    const measured = await compare(subjects, cpuMicros);
    tellMemory(subjects);
    return [...reference, ...measured, ...(await pgbench(database.url))];
  } finally {
    for (const system of systems) await system.stop();
    await database.stop();
    await kafka.stop();
  }
}

async function measureReference(): Promise<{ rows: Row[]; cpuMicros: number }> {
  const path = '/workflows/0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';
  const [empty, object] = (await measurePaths('tests/bench/bare-fastify.js', ['/empty', path])) as [
    LoadResult,
    LoadResult,
  ];
  const [onNest] = (await measurePaths('tests/bench/nest-on-fastify.js', ['/empty'])) as [LoadResult];
  return {
    rows: [
      { what: 'bare Fastify: empty route', ...rounded(empty, empty.cpuMicros) },
      { what: 'bare Fastify: an object, parameter checked', ...rounded(object, empty.cpuMicros) },
      { what: 'Nest on Fastify, nothing of ours: empty route', ...rounded(onNest, empty.cpuMicros) },
    ],
    cpuMicros: empty.cpuMicros,
  };
}

async function measurePaths(script: string, paths: string[]): Promise<LoadResult[]> {
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const server = await new Process(url, [script], { PORT: String(port) }).ready();
  const results: LoadResult[] = [];
  for (const path of paths) {
    const load = { first: [{ method: 'GET', path, headers: {} }] };
    results.push(await measureAfterWarmUp(url, [server.pid], load));
  }
  await server.stop();
  return results;
}

/** A system with the loads that it is measured by. */
interface Subject {
  system: System;
  name: string;
  loads: Record<string, { pids: number[]; load: Load }>;
}

async function subjectOf(system: System, name: string): Promise<Subject> {
  const gateway = [(system.processes.get('all') ?? system.processes.get('gateway-0'))?.pid ?? 0];
  const services = [...system.processes].filter(([service]) => service !== 'simulator').map(([, { pid }]) => pid);
  const apis = await Promise.all(PEOPLE.map((person) => system.signIn(person)));
  const starts = await startsOf(apis);
  const [first] = starts as [LoadRequest];
  const id = await startedBy(system.url, first);
  const get = (path: string): Load => ({ first: [{ method: 'GET', path, headers: first.headers }] });
  return {
    system,
    name,
    loads: {
      'empty route': { pids: gateway, load: { first: [{ method: 'GET', path: '/health/live', headers: {} }] } },
      // By the last check before a service is asked; what the edge costs a request that is well is in cost.ts.
      'refused with 400': { pids: gateway, load: get('/api/v1/workflows/none') },
      'GET /workflows/{id}': { pids: services, load: get(`/api/v1/workflows/${id}`) },
      [`complete a step (one start in ${String(STEPS + 1)})`]: {
        pids: services,
        load: { first: starts, then: STEP_BY_STEP },
      },
    },
  };
}

/** Each load of all systems in turn; medians, also of the share of the first one's rate in the same turn. */
async function compare(subjects: Subject[], bareMicros: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const what of Object.keys(subjects[0]?.loads ?? {})) {
    const results = subjects.map((): LoadResult[] => []);
    for (const { system, loads } of subjects) await warmUp(system.url, loads[what]!.load);
    for (let turn = 0; turn < TURNS; turn += 1)
      for (const [index, { system, loads }] of subjects.entries()) {
        const { pids, load } = loads[what]!;
        const seconds = Math.ceil(SECONDS / 2);
        results[index]!.push(await measure({ url: system.url, load, seconds, pauseMs: 0 }, pids));
      }
    for (const [index, { name }] of subjects.entries()) {
      const own = results[index]!;
      const shares = own.map(({ perSecond }, turn) => perSecond / results[0]![turn]!.perSecond).sort((a, b) => a - b);
      const share = shares[shares.length >> 1]!;
      rows.push({
        what: `${name}: ${what}`,
        ...rounded(median(own, 'perSecond'), bareMicros),
        // Refused requests count as none.
        ...(Number.isFinite(share) && { '× all-in-one': Math.round(share * 100) / 100 }),
      });
    }
  }
  return rows;
}

function tellMemory(subjects: Subject[]): void {
  for (const { name, system } of subjects) {
    const memory = [...system.processes].map(([service, { pid }]) => `${service} ${String(megabytes(pid))} MB`);
    console.log(`memory after load, ${name}: ${memory.join(', ')}`);
  }
}

/** For each person on each ticket, so that no connection waits for the row of another. */
async function startsOf(apis: Api[]): Promise<LoadRequest[]> {
  const [first] = apis as [Api];
  const keys = await ticketKeys(first);
  return keys.flatMap((ticketKey) =>
    apis.map((api) => ({
      method: 'POST',
      path: '/api/v1/workflows',
      headers: headersOf(api),
      body: JSON.stringify({ ticketKey, onActive: 'restart' }),
    })),
  );
}

async function startedBy(url: string, { method, path, headers, body }: LoadRequest): Promise<string> {
  const answer = await fetch(`${url}${path}`, { method, headers, body: body ?? null });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`No workflow was started: ${text}`);
  return (JSON.parse(text) as Workflow).id;
}

/** Tickets come with the first sync. */
async function ticketKeys(api: Api): Promise<string[]> {
  for (;;) {
    const { body } = await api.get<TicketPage>('/tickets?page_size=100');
    if (body.data.length > 0) return body.data.map(({ key }) => key);
    await sleep(100);
  }
}

function headersOf({ token, project }: Api): Record<string, string> {
  return { authorization: `Bearer ${token}`, 'x-project-id': project, 'content-type': 'application/json' };
}
