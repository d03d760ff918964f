import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import pg from 'pg';
import { CliError } from '../src/errors.js';
import { createProgram } from '../src/program.js';

let folder: string;
let file: string;
let database: TestDatabase;
let out = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qa-pms-commands-'));
  file = join(folder, 'qa-pms.yaml');
  database = await startTestDatabase();
  const settings = {
    database: { url: database.url },
    data: { dir: join(folder, 'data') },
    port: 9,
    encryption: { key: 'ab'.repeat(32) },
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(settings));
});
afterAll(async () => {
  await database.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  out = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** Runs a command in this process; its answer. Throws what it ends with. */
async function say(...args: string[]): Promise<string> {
  out = '';
  await createProgram().parseAsync(['node', 'qa-pms', '-c', file, ...args]);
  return out;
}
const data = async (...args: string[]): Promise<unknown> => JSON.parse(await say('-o', 'json', ...args));
/** What a command that fails ends with, for its reader. */
async function failure(...args: string[]): Promise<CliError> {
  try {
    await say(...args);
  } catch (error) {
    return CliError.from(error);
  }
  throw new Error('It did not fail.');
}

describe('the commands on a database', () => {
  it('say that tables are missing, make them, and take the last migration back', async () => {
    const missing = await failure('dead-letters', 'list');
    const plan = await data('migrate', 'run', '--dry-run', '--service', 'jira');
    const applied = await data('migrate', 'run');
    const reverted = await say('migrate', 'revert', '--service', 'workflow');
    const status = await say('migrate', 'status');
    await say('migrate', 'run');

    expect(missing.message).toContain('apply the migrations with qa-pms migrate run');
    expect(plan).toMatchObject([
      { service: 'jira', statements: expect.arrayContaining(['CREATE SCHEMA IF NOT EXISTS jira']) },
    ]);
    expect(applied).toMatchObject([
      { service: 'identity' },
      { service: 'jira' },
      { service: 'workflow' },
      { service: 'tracking' },
    ]);
    const [, last] = /^workflow: reverted (\w+)\n$/.exec(reverted) ?? [];
    expect(status).toMatch(new RegExp(`^identity: up to date\n[^]*workflow: pending ${String(last)}\n`));
  }, 60_000);

  it('list, show and drop dead letters, and say that nobody replays them', async () => {
    await say('migrate', 'run');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      `INSERT INTO workflow.dead_letters (message_id, topic, key, headers, body, error)
       SELECT gen_random_uuid(), 'qa.tracking.events', $1, '{}', '{"a":1}', error FROM (VALUES ('Error: x'), (NULL)) AS e (error)`,
      [randomUUID()],
    );
    await client.end();

    const list = (await data('dead-letters', 'list')) as { id: string }[];
    const text = await say('dead-letters', 'list');
    const shown = await say('dead-letters', 'show', list[0]!.id);
    const waiting = await failure('dead-letters', 'replay', list[0]!.id, '--wait', '0.1');
    const asked = await say('dead-letters', 'list');
    const dropped = await data('dead-letters', 'drop', ...list.map(({ id }) => id));

    expect(text).toMatch(
      /ID +SINCE +TOPIC +KEY +ERROR\nworkflow\/\d+ .* Error: x\nworkflow\/\d+ .*\(follows an earlier one\)/,
    );
    expect(shown).toMatch(/body\n {2}\{\n {4}"a": 1\n/);
    expect(waiting).toMatchObject({ exitCode: 69, message: expect.stringContaining('is it running?') });
    expect(asked).toContain('(replay was asked for)');
    expect(dropped).toEqual({ dropped: list.map(({ id }) => id) });
    expect(await say('dead-letters', 'list')).toBe('There are no dead letters.\n');
    expect(await say('dead-letters', 'replay', '--all')).toBe('There are no dead letters.\n');
  }, 60_000);

  it('back it up and restore it over itself', async () => {
    await say('migrate', 'run');
    const archive = join(folder, 'b.tar.gz');

    const text = await say('backup', archive);
    const refused = await failure('restore', archive);
    const restored = await data('restore', archive, '--force');

    expect(text).toMatch(/SCHEMA +TABLES +ROWS\nidentity/);
    expect(refused.message).toContain('--force');
    expect(restored).toMatchObject({ file: archive, schemas: ['identity', 'jira', 'workflow', 'tracking'] });
    expect((await failure('backup', archive)).exitCode).toBe(2);
    expect((await failure('restore', file)).message).toContain('is damaged, or no backup');
  }, 60_000);
});

describe('doctor', () => {
  interface Found {
    findings: { name: string; status: string; message: string }[];
  }
  const doctor = async (...args: string[]): Promise<Found['findings']> => {
    await say('-o', 'json', 'doctor', ...args).catch(() => undefined);
    return (JSON.parse(out) as Found).findings;
  };

  it('names what is not applied, and what is', async () => {
    await say('migrate', 'run');
    await say('migrate', 'revert', '--service', 'workflow');

    const behind = await doctor();
    await say('migrate', 'run');
    const now = await doctor();

    expect(behind).toContainEqual(expect.objectContaining({ name: 'migrations of workflow', status: 'failed' }));
    expect(now).toContainEqual(expect.objectContaining({ name: 'migrations of workflow', status: 'ok' }));
    expect(now).toContainEqual(expect.objectContaining({ name: 'port', status: 'failed' }));
  }, 60_000);

  it('names row-level security that was taken off a table', async () => {
    await say('migrate', 'run');
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('ALTER TABLE workflow.workflows NO FORCE ROW LEVEL SECURITY');

    const findings = await doctor();
    await client.query('ALTER TABLE workflow.workflows FORCE ROW LEVEL SECURITY');
    await client.end();

    expect(findings).toContainEqual(
      expect.objectContaining({ status: 'failed', message: expect.stringContaining('is off for workflow.workflows') }),
    );
  }, 60_000);

  describe('with health and token, of an answer', () => {
    let server: Server;
    let url: string;
    let answer: { status: number; body: unknown; date?: string };
    let asked: string | undefined;
    beforeAll(async () => {
      server = createServer((request, response) => {
        asked = request.url;
        response.writeHead(answer.status, {
          'content-type': 'application/json',
          ...(answer.date && { date: answer.date }),
        });
        response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    });
    afterAll(() => {
      server.close();
    });
    const report = (status: string) => ({
      status,
      version: '9',
      uptimeSeconds: 1,
      checks: { 'x.database': { status } },
    });

    it('that is no report, say that another program has the port', async () => {
      answer = { status: 404, body: { hello: 1 } };

      expect((await failure('health', '--url', url)).message).toContain(
        'status 404, and not what a service of ours says',
      );
      expect(await doctor('--url', url)).toContainEqual(
        expect.objectContaining({ name: 'port', message: expect.stringContaining('something else answers') }),
      );
    });

    it('of a web page, say that it is none of the gateway', async () => {
      answer = { status: 200, body: '<!doctype html>' };

      const { message, exitCode } = await failure('token', '--url', url, '--password', 'x');

      expect([message, exitCode]).toEqual([
        `${url} answers with status 200, and not what our gateway says: look at --url.`,
        1,
      ]);
    });

    it('take an address with slashes at its end', async () => {
      answer = { status: 200, body: { accessToken: 'a token' } };

      expect(await say('token', '--url', `${url}//`, '--password', 'x')).toBe('a token\n');
      expect(asked).toBe('/api/v1/auth/login');
    });

    it('that is unhealthy, name the check', async () => {
      answer = { status: 503, body: report('unhealthy') };

      expect(await failure('health', '--url', url)).toMatchObject({ exitCode: 1 });
      expect(out).toMatch(/x\.database +unhealthy/);
      expect(await doctor('--url', url)).toContainEqual(
        expect.objectContaining({ name: 'health x.database', status: 'failed' }),
      );
    });

    it.each([
      [5, 'warning'],
      [120, 'failed'],
    ])('whose clock differs by %i s, say so', async (seconds, status) => {
      answer = { status: 200, body: report('healthy'), date: new Date(Date.now() - seconds * 1_000).toUTCString() };

      expect(await doctor('--url', url)).toContainEqual(
        expect.objectContaining({ name: 'clock of the gateway', status }),
      );
    });
  });
});

describe('an address', () => {
  it.each(['health', 'doctor', 'token'])('that is none is wrong usage of %s', async (command) => {
    jest.spyOn(process.stderr, 'write').mockReturnValue(true);

    for (const url of ['notaurl', 'localhost:3000', 'ftp://127.0.0.1'])
      await expect(say(command, '--url', url)).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('knows every command for %s', async (shell) => {
    const script = await say('completion', shell);

    for (const command of createProgram().commands) expect(script).toContain(command.name());
  });
});
