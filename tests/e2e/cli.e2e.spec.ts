import { randomUUID } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UserChanged, wireName } from '@qa-pms/contracts';
import { freePort, runningAdminUrl } from '@qa-pms/database/embedded';
import { createTopics, startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { describeWithKafka, leaveOut } from '@qa-pms/testing/jest';
import { load } from 'js-yaml';
import kafkajs, { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { Api } from './api.js';
import { CLI, qaPms } from './command.js';
import { removeDataFolder, startAllInOneSystem, startDistributedSystem } from './system.js';

const run = promisify(execFile);

describe('qa-pms beside a running product', () => {
  let system: Awaited<ReturnType<typeof startAllInOneSystem>>;
  let database: pg.Client;
  const say = (args: string[], input = '') => qaPms(args, { DATA_DIR: system.dataDir }, input);

  beforeAll(async () => {
    system = await startAllInOneSystem({ DEMO: 'false' });
    const url = new URL(runningAdminUrl(join(system.dataDir, 'postgres')) ?? '');
    url.pathname = '/qa_pms';
    database = new pg.Client({ connectionString: url.href });
    await database.connect();
  }, 120_000);
  afterAll(async () => {
    await database.end();
    await system.stop();
  }, 60_000);

  /** Parks a message for tracking, as if its handler had refused it before; gives its id on the command line. */
  async function park(key: string, payload: object): Promise<string> {
    const id = randomUUID();
    const headers = { name: wireName(UserChanged.contract), id, 'request-id': id };
    const { rows } = await database.query<{ sequence: string }>(
      `INSERT INTO tracking.dead_letters (message_id, topic, key, headers, body, error)
       VALUES ($1, 'qa.identity.events', $2, $3, $4, 'Error: once') RETURNING sequence`,
      [id, key, JSON.stringify(headers), JSON.stringify(payload)],
    );
    return `tracking/${rows[0]!.sequence}`;
  }
  const changed = (userId: string): UserChanged => ({ userId, displayName: 'Ada', timeZone: 'Europe/Vienna' });

  it('makes the first administrator, who can sign in, and whose events reach all services', async () => {
    const made = await say(['user', 'create', 'boss', '-o', 'json'], 'a password of some length\n');

    expect(made).toMatchObject({ code: 0, err: '' });
    const boss = await Api.signIn(system.url, 'boss', 'a password of some length', '');
    const id = (JSON.parse(made.out) as { id: string }).id;
    expect(boss.userId).toBe(id);
    const known = () => database.query('SELECT FROM tracking.people WHERE user_id = $1', [id]);
    while ((await known()).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }, 60_000);

  it('audits the isolation of projects, and fails where it is broken', async () => {
    const sound = await say(['audit', 'isolation', '-o', 'json']);
    await database.query('ALTER TABLE workflow.reports DISABLE ROW LEVEL SECURITY');
    const broken = await say(['audit', 'isolation']);
    await database.query('ALTER TABLE workflow.reports ENABLE ROW LEVEL SECURITY');

    expect(sound).toMatchObject({ code: 0, err: '' });
    const { failures, tables } = JSON.parse(sound.out) as { failures: number; tables: { service: string }[] };
    expect(failures).toBe(0);
    expect(new Set(tables.map(({ service }) => service))).toEqual(
      new Set(['identity', 'jira', 'workflow', 'tracking']),
    );
    expect(broken.code).toBe(1);
    expect(broken.out).toMatch(/^workflow +reports .*Row-level security is off/m);
    expect(broken.err).toContain('Projects are not kept apart (faults: 1)');
  }, 60_000);

  it('lists, shows and replays dead letters in the running service', async () => {
    const key = randomUUID();
    const [first, second] = [await park(key, changed(key)), await park(key, changed(key))];

    const list = await say(['dead-letters', 'list', '-o', 'json']);
    const shown = await say(['dead-letters', 'show', first]);
    const replayed = await say(['dead-letters', 'replay', first, '-o', 'json']);
    const after = await say(['dead-letters', 'list']);

    expect(JSON.parse(list.out)).toMatchObject([
      { id: first, service: 'tracking', topic: 'qa.identity.events', key, error: 'Error: once' },
      { id: second },
    ]);
    expect(shown.out).toContain(`"timeZone": "Europe/Vienna"`);
    expect(replayed).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(replayed.out)).toEqual([{ id: first, replayed: 2, error: null }]);
    expect(after.out).toBe('There are no dead letters.\n');
    expect((await database.query('SELECT FROM tracking.people WHERE user_id = $1', [key])).rowCount).toBe(1);
  }, 60_000);

  it('says what was refused again, and drops it', async () => {
    const id = await park(randomUUID(), { userId: 'nobody' });

    const refused = await say(['dead-letters', 'replay', '--all']);
    const dropped = await say(['dead-letters', 'drop', id]);

    expect(refused).toMatchObject({
      code: 1,
      out: expect.stringContaining(`${id}: 0 replayed, then refused: AppError`),
      err: expect.stringContaining('1 of 1 keys were refused again'),
    });
    expect(dropped).toMatchObject({ code: 0, out: `dropped ${id}\n` });
    expect((await say(['dead-letters', 'list'])).out).toBe('There are no dead letters.\n');
  }, 60_000);

  it.each([
    [['dead-letters', 'show', 'tracking/999'], 1, 'There is no dead letter tracking/999'],
    [['dead-letters', 'show', '12'], 2, 'they look like workflow/12'],
    [['dead-letters', 'replay'], 2, 'Say which one (its id), or --all.'],
    [['dead-letters', 'list', '--service', 'gateway'], 2, 'There is no service gateway with a database'],
    [['user', 'create', 'x'], 2, 'Give the password on standard input.'],
  ])('says what is wrong: %j', async (args, code, message) => {
    expect(await say(args)).toMatchObject({ code, out: '', err: expect.stringContaining(message) });
  });

  /** The service is not, for a second, when a check of its database took 150 ms on a busy machine. */
  async function sayWhenHealthy(args: string[]): ReturnType<typeof say> {
    for (let tries = 1; ; tries += 1) {
      const ended = await say(args);
      if (ended.code === 0 || tries === 10) return ended;
    }
  }

  it('is told to be healthy, by health and by doctor', async () => {
    const health = await sayWhenHealthy(['health', '--integration', '--url', system.url, '-o', 'json']);
    const doctor = await sayWhenHealthy(['doctor', '--url', system.url, '-o', 'json']);

    expect(health.code).toBe(0);
    expect(JSON.parse(health.out)).toMatchObject({ status: 'healthy', checks: {}, integrations: [] });
    expect(doctor).toMatchObject({ code: 0, err: '' });
    const { healthy, findings } = JSON.parse(doctor.out) as {
      healthy: boolean;
      findings: { name: string; status: string }[];
    };
    expect(healthy).toBe(true);
    expect(findings.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'port',
        'disk',
        'database',
        'row-level security',
        'clock of the database',
        'encrypted values',
      ]),
    );
  }, 60_000);

  it('checks an integration of the configuration with its credentials', async () => {
    const environment = {
      JIRA_SITE_URL: 'http://127.0.0.1:9',
      JIRA_EMAIL: 'qa@example.com',
      JIRA_API_TOKEN: 'top-secret',
      DATA_DIR: system.dataDir,
    };

    const guarded = await qaPms(['health', '--integration', '--url', system.url], environment);
    const refused = await qaPms(['health', '--integration', '--url', system.url], {
      ...environment,
      JIRA_HTTP_PRIVATE_HOSTS: '127.0.0.1',
    });

    expect(guarded).toMatchObject({ code: 1, out: expect.stringContaining('private_hosts would allow it') });
    expect(refused).toMatchObject({ code: 1, out: expect.stringMatching(/jira http:\/\/127.0.0.1:9 +offline/) });
    expect(guarded.out + guarded.err + refused.out + refused.err).not.toContain('top-secret');
  }, 60_000);
});

describe('qa-pms over migrations', () => {
  let database: TestDatabase;
  const say = (args: string[]) => qaPms(args, { DATABASE_URL: database.url });
  beforeAll(async () => {
    database = await startTestDatabase();
  });
  afterAll(() => database.stop());

  it('shows the SQL without applying it, applies it once however often it is asked for at once, and takes it back', async () => {
    const dry = await say(['migrate', 'run', '--dry-run']);
    const untouched = await say(['migrate', 'status', '-o', 'json']);
    const both = await Promise.all([say(['migrate', 'run', '-o', 'json']), say(['migrate', 'run', '-o', 'json'])]);
    const reverting = await say(['migrate', 'revert', '--service', 'workflow', '--dry-run']);
    const reverted = await say(['migrate', 'revert', '--service', 'workflow', '-o', 'json']);
    const status = await say(['migrate', 'status', '-o', 'yaml']);

    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^workflow: would have applied .*\n {2}CREATE SCHEMA/m),
    });
    const pending = JSON.parse(untouched.out) as { service: string; applied: string[]; pending: string[] }[];
    expect(pending.every(({ applied }) => applied.length === 0)).toBe(true);
    const applied = both.flatMap(({ code, out }) => {
      expect(code).toBe(0);
      return (JSON.parse(out) as { service: string; applied: string[] }[]).flatMap((one) =>
        one.applied.map((name) => `${one.service} ${name}`),
      );
    });
    expect(applied.sort()).toEqual(
      pending.flatMap((one) => one.pending.map((name) => `${one.service} ${name}`)).sort(),
    );
    const last = pending.find(({ service }) => service === 'workflow')!.pending.at(-1)!;
    expect(reverting.out).toContain(`workflow: would have reverted ${last}`);
    expect(JSON.parse(reverted.out)).toEqual([{ service: 'workflow', reverted: [last] }]);
    expect(load(status.out)).toContainEqual(expect.objectContaining({ service: 'workflow', pending: [last] }));
  }, 60_000);
});

describeWithKafka('doctor beside Kafka', (kafka) => {
  it('names topics that are missing, then those with too few partitions, then that all is well', async () => {
    const topicPrefix = `t${randomUUID().slice(0, 8)}.`;
    const environment = {
      KAFKA_BROKERS: kafka().brokers,
      KAFKA_TOPIC_PREFIX: topicPrefix,
      DATA_DIR: join(tmpdir(), topicPrefix),
    };
    const topics = async (): Promise<unknown> => {
      const { out } = await qaPms(['doctor', '-o', 'json'], environment);
      const { findings } = JSON.parse(out) as { findings: { name: string }[] };
      return findings.find(({ name }) => name === 'topics');
    };

    const missing = await topics();
    const admin = new Kafka({ brokers: kafka().brokers.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const topic = `${topicPrefix}qa.workflow.events`;
    const retention = { name: 'retention.ms', value: '123456' };
    await createTopics(kafka().brokers, [{ topic, numPartitions: 1, configEntries: [retention] }]);
    const created = await qaPms(['topics', 'create', '-o', 'json'], environment);
    const again = await qaPms(['topics', 'create', '-o', 'json'], environment);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    });
    await admin.disconnect();
    const few = await topics();
    const list = await qaPms(['topics', 'list', '-o', 'json'], environment);

    expect(missing).toMatchObject({ status: 'failed', remedy: 'Make them: npx qa-pms topics create.' });
    expect(JSON.parse(created.out)).toMatchObject({ there: 1, raised: [topic] });
    expect(JSON.parse(again.out)).toMatchObject({ created: [], raised: [] });
    expect(resources[0]?.configEntries).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ configName: 'retention.ms', configValue: '123456' }),
        expect.objectContaining({ configName: 'max.message.bytes', configValue: '8388608' }),
      ]),
    );
    expect(few).toMatchObject({
      status: 'failed',
      message: `${topicPrefix}qa.workflow.events has 1 of 12 partitions`,
    });
    expect(JSON.parse(list.out)).toContainEqual({ topic: `${topicPrefix}qa.tracking.events`, partitions: 12 });
  }, 120_000);

  it('sees what the consumers of a running product have left', async () => {
    const ENCRYPTION_KEY = '11'.repeat(32);
    const system = await startDistributedSystem(kafka().brokers, { environment: { ENCRYPTION_KEY } });
    try {
      const environment = {
        KAFKA_BROKERS: kafka().brokers,
        KAFKA_TOPIC_PREFIX: system.topicPrefix,
        DATABASE_URL: system.databaseUrl ?? '',
        ENCRYPTION_KEY,
      };
      // What is configured beside the way that a command takes does not keep it from ending.
      const beside = { ...environment, REDIS_URL: 'redis://127.0.0.1:9' };
      const made = await qaPms(['user', 'create', 'over-kafka'], beside, 'a long password\n');
      const { out, code } = await qaPms(['doctor', '-o', 'json', '--url', system.url], environment);
      const { findings } = JSON.parse(out) as { findings: { name: string; status: string; message: string }[] };

      expect(made).toMatchObject({ code: 0, err: '' });
      expect(findings).toContainEqual(expect.objectContaining({ name: 'topics', status: 'ok' }));
      expect(findings).toContainEqual(
        expect.objectContaining({
          name: 'consumer lag',
          status: 'ok',
          message: expect.stringMatching(/in \d+ groups/),
        }),
      );
      // Nobody has signed in yet: nothing is encrypted with the key of the system.
      expect(findings.filter(({ status }) => status === 'failed').map(({ name }) => name)).toEqual([]);
      expect(code).toBe(0);
    } finally {
      await system.stop();
    }
  }, 240_000);
});

describe('qa-pms by itself', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-completion-'));
  });
  afterAll(async () => {
    for (const dataDir of ['terminal', 'unread']) await removeDataFolder(join(folder, dataDir));
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    [['--version'], 0, '0.1.0', ''],
    [['--help'], 0, 'dead-letters', ''],
    [['backp'], 2, '', 'There is no command backp: did you mean backup?'],
    [['migrate', 'sideways'], 2, '', "unknown command 'sideways'"],
    [['topics', 'list', '-o', 'xml'], 2, '', 'Allowed choices are text, json, yaml'],
    [['dead-letters', 'replay', '--wait', 'long'], 2, '', 'It is a number of seconds.'],
    [['completion', 'tcsh'], 2, '', 'tcsh is not known: choose of bash, zsh, fish.'],
    [['health', '--url', 'http://127.0.0.1:9'], 69, '', 'cannot be reached: is it running?'],
    [['token', '--url', 'http://127.0.0.1:9', '--password', 'top-secret'], 69, '', 'cannot be reached'],
    [['topics', 'list'], 78, '', 'KAFKA_BROKERS is not set'],
  ])('%j ends with exit code %i', async (args, code, out, err) => {
    const ended = await qaPms(args);

    expect(ended).toMatchObject({ code, out: expect.stringContaining(out), err: expect.stringContaining(err) });
    expect(ended.out + ended.err).not.toContain('top-secret');
  });

  it('answers in three forms that say the same', async () => {
    const environment = { DATA_DIR: join(folder, 'none'), PORT: '9' };
    const forms = ['text', 'json', 'yaml'].map((form) => qaPms(['doctor', '-o', form], environment));

    const [plain, json, yaml] = await Promise.all(forms);

    const names = (value: unknown): string[] =>
      (value as { findings: { name: string }[] }).findings.map(({ name }) => name);
    expect(names(load(yaml!.out))).toEqual(names(JSON.parse(json!.out)));
    expect(names(JSON.parse(json!.out)).filter((name) => !plain!.out.includes(` ${name}: `))).toEqual([]);
  }, 60_000);

  it.each([
    ['coloured and with progress', '', {}, true],
    ['without colours by --no-color', '--no-color', {}, false],
    ['without colours by NO_COLOR', '', { NO_COLOR: '1' }, false],
  ])(
    'on a terminal it is %s',
    async (_how, option, environment, coloured) => {
      const { PATH = '' } = process.env;
      const env = { PATH, TERM: 'xterm-256color', DATA_DIR: join(folder, 'none'), PORT: '9', ...environment };

      const { stdout } = await run('script', ['-qc', `${process.execPath} ${CLI} doctor ${option}`, '/dev/null'], {
        env,
      });

      expect(stdout).toContain('looking');
      expect(stdout.includes('\x1b[31m')).toBe(coloured);
      expect((await qaPms(['doctor'], env)).out).not.toContain('\x1b[');
    },
    60_000,
  );

  it('on a terminal serve says what to try, without a line for each message, and ends by Ctrl+C', async () => {
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, DATA_DIR: join(folder, 'terminal'), PORT: String(await freePort()) };
    const terminal = spawn('script', ['-qec', `${process.execPath} ${CLI} serve`, '/dev/null'], { env });
    const ended = new Promise<number | null>((resolve) => terminal.once('exit', resolve));
    let out = '';
    terminal.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    for (let tries = 0; tries < 600 && !out.includes('Ctrl+C stops it'); tries += 1) await sleep(100);
    // What follows a start: tickets are synced, users are told of.
    await sleep(2_000);
    terminal.stdin.write('\x03');

    expect([0, 130]).toContain(await ended);
    for (const line of ['gateway ready', 'is ready after', 'Try this first', 'LOG_LEVEL=info'])
      expect(out).toContain(line);
    expect(out).not.toContain('INFO');
  }, 120_000);

  /** A command whose standard output nobody reads, as behind `| head` when that has ended. */
  function unread(args: string[], environment: Record<string, string> = {}) {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [CLI, ...args], { env: { PATH, HOME, ...environment } });
    child.stdout.destroy();
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { child, ended: Promise.all([exited, text(child.stderr)]) };
  }

  it('does its work when nobody reads its answer', async () => {
    expect(await unread(['completion', 'bash']).ended).toEqual([0, '']);
  });

  it('serves when nobody reads what it says', async () => {
    const port = String(await freePort());
    const { child, ended } = unread(['serve'], { DATA_DIR: join(folder, 'unread'), PORT: port });
    const isReady = () =>
      fetch(`http://127.0.0.1:${port}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    let ready = await isReady();
    for (let tries = 0; tries < 600 && child.exitCode === null && !ready; tries += 1) {
      await sleep(100);
      ready = await isReady();
    }
    child.kill('SIGTERM');

    expect([ready, ...(await ended)]).toEqual([true, 0, '']);
  }, 120_000);

  it.each([
    ['qa-pms ', ['serve', 'migrate', 'dead-letters', 'doctor', '--output']],
    ['qa-pms mig', ['migrate']],
    ['qa-pms migrate ', ['run', 'status', 'revert']],
    ['qa-pms -o json migrate re', ['revert']],
    ['qa-pms migrate run --d', ['--dry-run']],
    ['qa-pms doctor -o ', ['text', 'json', 'yaml']],
  ])('completes "%s" in bash', async (line, words) => {
    const { out } = await qaPms(['completion', 'bash']);
    const file = join(folder, 'completion.bash');
    await writeFile(file, out);
    const given = line.split(' ');
    const script = `source ${file}; COMP_WORDS=(${given.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${String(given.length - 1)}; _qa_pms; echo "\${COMPREPLY[@]}"`;

    const { stdout } = await run('bash', ['-euc', script]);

    expect(stdout.trim().split(' ')).toEqual(expect.arrayContaining(words));
  });

  /** Defines a test that needs a shell; what is left out without it is named. */
  const itIn = (shell: string, name: string, test: (path: string) => Promise<void>): void => {
    const path = ['/usr/bin', '/bin'].map((place) => `${place}/${shell}`).find((one) => existsSync(one));
    if (path === undefined) {
      leaveOut(`completion of ${shell}`, `no ${shell} on this machine`);
      it.skip(name, () => undefined);
    } else it(name, () => test(path));
  };

  for (const shell of ['zsh', 'fish'])
    itIn(shell, `prints a script that ${shell} can read`, async (path) => {
      const file = join(folder, `completion.${shell}`);
      await writeFile(file, (await qaPms(['completion', shell])).out);

      await expect(run(path, ['-n', file])).resolves.toMatchObject({ stderr: '' });
    });

  itIn('fish', 'completes in fish', async (path) => {
    const file = join(folder, 'complete.fish');
    await writeFile(file, (await qaPms(['completion', 'fish'])).out);

    const { stdout } = await run(path, ['--no-config', '-c', `source ${file}; complete -C 'qa-pms migrate re'`], {
      env: { ...process.env, HOME: folder },
    });

    expect(stdout).toMatch(/^revert\t/);
  });
});
