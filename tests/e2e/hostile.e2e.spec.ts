import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Report, Template, Workflow } from '@qa-pms/contracts';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import type { Api } from './api.js';
import { type Attack, Attacker, faultsOf, type Reaction } from './attack.js';
import { Documented } from './documented.js';
import { HOSTILE_BODIES, HOSTILE_HEADERS, hostileFor, RAW_REQUESTS } from './hostile-values.js';
import { addressOf, at, type Operation, operationsOf, placesIn, withJson } from './operations.js';
import { asShown, listItems, ODD_TEXTS } from './odd-texts.js';
import { exchange } from './raw-http.js';
import { type Scene, Stage } from './stage.js';
import { startAllInOneSystem, type System } from './system.js';

/** Operations that are attacked at once. */
const WORKERS = 16;
/** Raw bytes that are no request must be answered, or refused, well before the timeout of slow requests (30 s). */
const RAW_LIMIT_MS = 5_000;
/** For a busy machine: each takes seconds on an idle one. */
const LIMIT_MS = 180_000;

/** Operations that cost the hash of a password each time, some 0.1 s of CPU. */
const HASHING = new Set(['postAuthLogin', 'postUsers']);

/** An attack on an operation, made of the request that would succeed. */
interface Planned {
  what: string;
  change: (legal: Attack, scene: Scene) => Attack;
}

describe('hostile input', () => {
  let database: TestDatabase;
  let system: System;
  let qa: Api;
  let admin: Api;
  let attacker: Attacker;
  let stage: Stage;
  let operations: Operation[];
  /** Who may do what; found out by `are attacked with ...`. */
  const actors = new Map<string, Api>();
  const logged: string[] = [];

  beforeAll(async () => {
    database = await startTestDatabase();
    system = await startAllInOneSystem({ LOG_LEVEL: 'info', DATABASE_URL: database.url, DATABASE_POOL_MAX: '10' });
    const [all] = system.processes.values();
    if (all) all.onLine = (line) => logged.push(line);
    qa = await system.signIn('qa');
    admin = await system.signIn('admin');
    const { userId } = await system.signIn('qa2');
    stage = new Stage(qa, admin);
    await stage.set(userId);
    attacker = new Attacker(system.url, await Documented.at(system.url));
    const { body } = await qa.get('/openapi.json');
    operations = operationsOf(body);
  }, 120_000);

  afterAll(async () => {
    await attacker.close();
    await system.stop();
    await database.stop();
  }, 60_000);

  /** Attacks every operation, some at once, each with one attack after another; tells what went wrong. */
  const attackAll = async (
    attacksOn: (operation: Operation) => Iterable<Planned>,
    isAfresh = true,
  ): Promise<string[]> => {
    const queue = [...operations];
    const attackOne = async (operation: Operation): Promise<void> => {
      const actor = actors.get(operation.id) ?? admin;
      let scene: Scene | null = null;
      for (const { what, change } of attacksOn(operation)) {
        scene ??= await stage.sceneOf(operation);
        const attack = change(legalRequest(operation, scene, actor), scene);
        const reaction = await attacker.send(`${operation.method} ${operation.path} ${what}`, attack);
        // What was changed is no longer there to be changed.
        if (!isAfresh || !reaction || reaction.status >= 300) continue;
        if (['POST', 'DELETE'].includes(operation.method)) scene = null;
        else if (scene.etag !== null) scene.etag = String(reaction.headers['etag']);
      }
    };
    const worker = async (): Promise<void> => {
      for (let operation = queue.shift(); operation; operation = queue.shift()) {
        const { path } = operation;
        await attackOne(operation).catch((error: unknown) => attacker.problems.push(`${path}: ${String(error)}`));
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, worker));
    return attacker.problems.splice(0).slice(0, 40);
  };

  it('comes in requests that are legal but for it', async () => {
    const refused: string[] = [];
    for (const operation of operations) {
      const { id, method, path } = operation;
      let reaction: Reaction | null = null;
      for (const actor of [qa, admin]) {
        actors.set(id, actor);
        const scene = await stage.sceneOf(operation);
        reaction = await attacker.send(id, legalRequest(operation, scene, actor));
        if (reaction?.status !== 403 && reaction?.status !== 404) break;
      }
      if (reaction === null || reaction.status >= 300) refused.push(`${method} ${path}: ${reaction?.text ?? 'none'}`);
    }

    expect(operations.length).toBeGreaterThan(50);
    expect([...new Set(actors.values())]).toHaveLength(2);
    expect(refused).toEqual([]);
  }, 60_000);

  it(
    'in any field of a body is refused, or taken as the text that it is',
    async () => {
      const problems = await attackAll(function* ({ body }) {
        for (const place of placesIn(body ?? {})) {
          for (const { name, json } of hostileFor(at(body, place)))
            yield {
              what: `${place.join('.')} = ${name}`,
              change: (legal) => ({ ...legal, body: withJson(JSON.parse(String(legal.body)), place, json) }),
            };
        }
      });

      expect(problems).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'in any parameter of an address is refused, or finds nothing',
    async () => {
      const problems = await attackAll(function* (operation) {
        for (const [parameter, example] of operation.queryParameters) {
          for (const { name, url } of hostileFor(example)) {
            for (const query of [`${parameter}=${url}`, `${url}[]=1&${url}=${url.slice(0, 100)}`])
              yield {
                what: `?${parameter} = ${name}`,
                change: (legal) => ({ ...legal, path: `${legal.path}?${query}` }),
              };
          }
        }
        for (const [parameter, example] of operation.pathParameters) {
          for (const { name, url } of hostileFor(example))
            yield {
              what: `{${parameter}} = ${name}`,
              change: (legal, scene) => ({ ...legal, path: addressOf(operation, { ...scene.path, [parameter]: url }) }),
            };
        }
      });

      // A change that never comes is waited for, and that is said: GetWorkflowTime.
      expect(problems.filter((problem) => !/after_row_version.*UPSTREAM_TIMEOUT/.test(problem))).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'in a header is refused, or changes nothing',
    async () => {
      const problems = await attackAll(function* ({ id, headers }) {
        for (const name of headers) {
          for (const value of HOSTILE_HEADERS)
            yield {
              what: `${name}: ${value.slice(0, 60)}`,
              change: (legal) => ({
                ...legal,
                headers: { ...legal.headers, [name.toLowerCase()]: value },
                ...(HASHING.has(id) && { body: '{}' }),
              }),
            };
        }
      }, false);

      expect(problems).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'as a whole body is refused',
    async () => {
      const problems = await attackAll(function* ({ body }) {
        if (body === null) return;
        for (const [what, bytes, headers = {}] of HOSTILE_BODIES)
          yield { what, change: (legal) => ({ ...legal, headers: { ...legal.headers, ...headers }, body: bytes }) };
      });

      expect(problems).toEqual([]);
    },
    LIMIT_MS,
  );

  it.each(RAW_REQUESTS)('as bytes that are no HTTP request is refused: %s', async (_name, head, body = '') => {
    const bytes = Buffer.from(head.replaceAll('\n', '\r\n').replaceAll('{token}', qa.token) + body, 'latin1');
    const reaction = await exchange(system.url, bytes, RAW_LIMIT_MS);

    expect(reaction?.status ?? 400).toBeGreaterThanOrEqual(400);
    expect(reaction === null ? [] : faultsOf(reaction)).toEqual([]);
  });

  it('leaves texts that are odd and legal as they are, in notes, names and reports', async () => {
    const { id } = await stage.workflow('texts');
    const template = (name: string): object => ({ name, steps: [{ name, description: name, estimateSeconds: 1 }] });
    const changed: string[] = [];
    for (const text of ODD_TEXTS) {
      const step = await qa.patch<Workflow>(`/workflows/${id}/steps/0`, { notes: text });
      const made = await admin.post<Template>('/workflows/templates', template(text));
      const read = await qa.get<Template>(`/workflows/templates/${made.body.id}`);
      const stored = await qa.get<Workflow>(`/workflows/${id}`);
      const { name, steps } = read.body;
      const all = [step.body.steps[0]?.notes, stored.body.steps[0]?.notes, name, steps[0]?.name, steps[0]?.description];
      if (!all.every((one) => one === text)) changed.push(JSON.stringify([text, ...all]));
    }

    expect(ODD_TEXTS.length).toBeGreaterThan(500);
    expect(changed).toEqual([]);
  }, 60_000);

  it('leaves such texts as they are in a report and its file', async () => {
    const { id } = await stage.workflow('texts', 'completed');
    const report = await stage.timedReport(id);
    const changed: string[] = [];
    let etag = `"${String(report.rowVersion)}"`;
    for (const text of ODD_TEXTS) {
      const edit = { strategies: text, notes: text };
      const { body, headers } = await qa.patch<Report>(`/reports/${report.id}`, edit, { 'if-match': etag });
      etag = headers.get('etag') ?? '';
      const { text: markdown } = await qa.get(`/reports/${report.id}/export?format=md`);
      const { strategies, notes } = body.content;
      if (strategies !== text || notes !== text) changed.push(JSON.stringify([text, strategies, notes]));
      if (!markdown.endsWith(`## Strategies\n\n${text}\n\n## Notes\n\n${text}\n`)) changed.push(`md: ${text}`);
    }

    expect(changed).toEqual([]);
  }, 60_000);

  it('shows such texts as text in a report for the browser', async () => {
    const { id } = await stage.workflow('texts');
    const titles = ODD_TEXTS.slice(0, 500);
    const testsCovered = titles.map((title, index) => ({ source: 's', id: String(index), title, url: null }));
    await qa.patch(`/workflows/${id}/steps/0`, { testsCovered });
    for (const step of [0, 1]) await qa.post(`/workflows/${id}/steps/${String(step)}/complete`);
    await qa.post(`/workflows/${id}/complete`);
    const report = await stage.timedReport(id);
    const { text: html } = await qa.get(`/reports/${report.id}/export?format=html`);

    expect(report.content.testsCovered.map(({ title }) => title)).toEqual(titles);
    expect(listItems(html)).toEqual(titles.map((title, index) => asShown(`${title} (s ${String(index)})`)));
  }, 60_000);

  it('leaves the system ready, and nothing in its log that somebody must act on', async () => {
    let ready = await qa.get('/../../health/ready');
    // A check of the database that took 150 ms on a busy machine fails it for a second.
    for (let tries = 0; tries < 50 && ready.body['status'] !== 'healthy'; tries += 1) {
      await sleep(200);
      ready = await qa.get('/../../health/ready');
    }
    const work = await qa.get('/tickets');
    const odd = logged.filter((line) => line !== '' && levelOf(line) === null);
    const errors = logged.filter((line) => ['error', 'fatal'].includes(levelOf(line) ?? ''));
    console.log(`${String(attacker.sent)} attacks, ${String(logged.length)} lines in the log`);

    expect(ready).toMatchObject({ status: 200, body: { status: 'healthy' } });
    expect(work.status).toBe(200);
    expect(attacker.sent).toBeGreaterThan(10_000);
    expect(logged.length).toBeGreaterThan(attacker.sent);
    expect(errors.slice(0, 10)).toEqual([]);
    expect(odd.slice(0, 10)).toEqual([]);
  });
});

/** A request that succeeds. */
function legalRequest(operation: Operation, scene: Scene, { token, project }: Api): Attack {
  const { method, body } = operation;
  const known = Object.entries(scene.body).filter(([name]) => body !== null && name in body);
  return {
    method,
    path: addressOf(operation, scene.path),
    headers: {
      ...(!operation.isPublic && { authorization: `Bearer ${token}`, 'x-project-id': project }),
      ...(body !== null && { 'content-type': 'application/json' }),
      ...(scene.etag !== null && { 'if-match': scene.etag }),
    },
    ...(body !== null && { body: JSON.stringify({ ...body, ...Object.fromEntries(known) }) }),
  };
}

/** The level of a line of the log; null where it is none. */
function levelOf(line: string): string | null {
  try {
    return (JSON.parse(line) as { level?: string }).level ?? null;
  } catch {
    return null;
  }
}
