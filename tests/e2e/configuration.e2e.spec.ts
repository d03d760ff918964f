import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestDatabase } from '@qa-pms/testing';
import { CLI, run } from './command.js';
import { startAllInOneSystem, type System } from './system.js';

describe('the configuration on the command line', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-cli-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const qaPms = (args: string[], environment: Record<string, string> = {}, input = '') =>
    run([CLI, ...args], { environment, input, cwd: folder });
  const write = (content: string, name = 'qa-pms.yaml'): Promise<void> => writeFile(join(folder, name), content);

  it('is valid without anything', async () => {
    expect(await qaPms(['config', 'validate'])).toMatchObject({ code: 0, out: expect.stringMatching(/^valid/) });
  });

  it('is refused with every fault at once, each with its place, and exit code 78', async () => {
    await write(`port: high
log: { level: loud, fromat: json }
database:
  pool_max: 0
  pool_min: x
  tls: { mode: on, ca: no }
  url: mysql://x
kafka:
  brokers: { a: 1 }
  replication: 1.5
  min_in_sync: many
  topic_prefix: "a b"
  sasl: { mechanism: md5 }
jira:
  site_url: nowhere
  status_map: { In Review: somewhere }
  connections:
    - { site_url: https://a.example.com, email: a@example.com }
tracking: { idle_second: 60, idle_seconds: 1 }
identity:
`);

    const { code, err } = await qaPms(['config', 'validate'], {
      DEMO: 'perhaps',
      KAFKA_TLS_KEY_FILE: '/nowhere.pem',
      ENCRYPTION_KEY: '00'.repeat(32),
    });

    const places = err.split('\n').flatMap((line) => /^ {2}- (\S+?):? /.exec(line)?.[1] ?? []);
    expect(code).toBe(78);
    expect(places).toHaveLength(20);
    expect([...places].sort()).toEqual(
      [
        'DEMO',
        'KAFKA_TLS_KEY_FILE',
        ...['1:7', '2:15', '2:21', '4:13', '5:13', '6:16', '6:24', '7:8', '9:12', '10:16', '11:16', '12:18', '13:22']
          .concat(['15:13', '16:28', '18:7', '19:13', '19:44'])
          .map((place) => `qa-pms.yaml:${place}`),
      ].sort(),
    );
  });

  it('is read from -c, from CONFIG_FILE and from the working directory, in this order', async () => {
    await write('port: 1');
    await write('port: 2', 'two.yaml');
    await write('port: 3', 'three.yaml');
    const port = async (args: string[], environment: Record<string, string> = {}): Promise<unknown> => {
      const { out } = await qaPms([...args, 'config', 'show', '-o', 'json'], environment);
      return (JSON.parse(out) as Record<string, { value: number; origin: string }>)['port'];
    };

    expect(await port([])).toMatchObject({ value: 1, origin: 'qa-pms.yaml:1:7' });
    expect(await port([], { CONFIG_FILE: 'two.yaml' })).toMatchObject({ value: 2 });
    expect(await port(['-c', 'three.yaml'], { CONFIG_FILE: 'two.yaml' })).toMatchObject({ value: 3 });
    expect(await port([], { PORT: '4' })).toMatchObject({ value: 4, origin: 'PORT' });
  });

  it('encrypts a secret, opens it, and rotates its key', async () => {
    const [one = '', two = ''] = await Promise.all(
      [1, 2].map(async () => (await qaPms(['config', 'generate-key'])).out.trim()),
    );
    const sealed = await qaPms(['config', 'encrypt', 'jira.api_token'], { ENCRYPTION_KEY: one }, 'the token\n');
    await write(`# ours\njira:\n  site_url: https://a.example.com\n  email: a@example.com\n  api_token: ${sealed.out}`);

    const before = await qaPms(['config', 'show'], { ENCRYPTION_KEY: one });
    const wrong = await qaPms(['config', 'validate'], { ENCRYPTION_KEY: two });
    const rotated = await qaPms(['keys', 'rotate'], { ENCRYPTION_KEY: two, ENCRYPTION_PREVIOUS_KEYS: one });
    const after = await qaPms(['config', 'validate'], { ENCRYPTION_KEY: two });

    expect(before.out).toMatch(/^jira\.api_token +\*{8} +\(qa-pms\.yaml:5:14\)$/m);
    expect(wrong).toMatchObject({
      code: 78,
      err: expect.stringContaining('qa-pms.yaml:5:14: jira.api_token cannot be decrypted'),
    });
    expect(rotated.out).toBe('qa-pms.yaml: 1 encrypted anew, 0 were up to date\n');
    expect(after.code).toBe(0);
    expect(await readFile(join(folder, 'qa-pms.yaml'), 'utf8')).toMatch(/^# ours\njira:/);
  });

  it.each([
    [['config', 'encrypt', 'port'], 2, 'port is not the key of a secret'],
    [['config', 'encrypt', 'jira.api_token'], 78, 'There is no master key: set ENCRYPTION_KEY'],
    [['keys', 'rotate'], 2, 'There is no configuration file'],
    [['-c', 'none.yaml', 'config', 'show'], 78, 'none.yaml: does not exist'],
  ])('says what is wrong: %j', async (args, code, message) => {
    expect(await qaPms(args, {}, 'x')).toMatchObject({ code, err: expect.stringContaining(message) });
  });
});

describe("a service's own program", () => {
  const MAIN = 'apps/tracking/dist/main.js';

  it('lists its settings with --help', async () => {
    const { code, out } = await run([MAIN, '--help'], {});

    expect(code).toBe(0);
    expect(out).toContain('  TRACKING_IDLE_SECONDS\n      After how many seconds');
    expect(out).not.toContain('JIRA_');
  });

  it('takes a file, in which it knows the sections of other services too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'qa-pms-main-'));
    const file = join(folder, 'all.yaml');
    await writeFile(file, 'jira: { project: OTHER, projekt: OTHER }\ntracking: { idle_seconds: 1 }\n');

    const { code, err } = await run([MAIN, '-c', file], { environment: { DATABASE_URL: 'postgres://x' } });
    await rm(folder, { recursive: true });

    expect(code).toBe(78);
    expect(err).toContain(`${file}:1:25: jira.projekt is not known; did you mean jira.project?`);
    expect(err).toContain(`${file}:2:27: tracking.idle_seconds "1" is below 60.`);
    expect(err).toContain('ENCRYPTION_KEY is missing.');
    expect(err.trim().split('\n')).toHaveLength(4);
  });

  it('refuses options that it does not know', async () => {
    expect(await run([MAIN, '--verbose'], {})).toMatchObject({ code: 2, err: expect.stringContaining('--verbose') });
  });
});

describe('a service that its database refuses', () => {
  it('ends with one sentence that names the setting, and exit code 78', async () => {
    const database = await startTestDatabase();
    const url = new URL(database.url);
    url.password = 'wrong';

    const { code, err } = await run(['apps/tracking/dist/main.js'], {
      environment: { DATABASE_URL: url.href, ENCRYPTION_KEY: '00'.repeat(32), PORT: '0', LOG_LEVEL: 'fatal' },
    });
    await database.stop();

    expect(code).toBe(78);
    expect(err.trim().split('\n')).toEqual([
      'The configuration is not valid:',
      `  - PostgreSQL at ${url.host}: refuses the password of "${url.username}": look at database.url (DATABASE_URL).`,
    ]);
  });
});

describe('SIGHUP', () => {
  let folder: string;
  let file: string;
  let system: System;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-reload-'));
    file = join(folder, 'config.yaml');
    await writeFile(file, 'log: { level: warn }\ntracking: { idle_seconds: 100 }\n');
    system = await startAllInOneSystem({ CONFIG_FILE: file, LOG_LEVEL: '' });
  }, 120_000);
  afterAll(async () => {
    await system.stop();
    await rm(folder, { recursive: true });
  }, 60_000);

  /** Writes the file, sends the signal, and gives the line with this message. */
  async function reload(content: string, message: string): Promise<Record<string, unknown>> {
    const all = system.processes.get('all')!;
    const before = all.output.length;
    await writeFile(file, content);
    all.kill('SIGHUP');
    for (let tries = 0; tries < 200; tries += 1) {
      const line = all.output
        .slice(before)
        .split('\n')
        .find((one) => one.includes(`"${message}"`));
      if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
      await sleep(50);
    }
    throw new Error(`There is no line "${message}":\n${all.output.slice(before)}`);
  }

  it('changes the level of the log for every service at once', async () => {
    const all = system.processes.get('all')!;
    const asked = () => fetch(`${system.url}/api/v1/tickets`);
    await asked();
    expect(all.output).not.toContain('"level":"info"');

    const line = await reload('log: { level: info }\ntracking: { idle_seconds: 100 }\n', 'configuration reloaded');
    const before = all.output.length;
    await asked();

    expect(line['applied']).toEqual(['log.level']);
    for (let tries = 0; tries < 100 && !all.output.slice(before).includes('"service":"gateway"'); tries += 1)
      await sleep(20);
    expect(all.output.slice(before)).toMatch(/"level":"info".*"service":"gateway"/);
  });

  it('changes limits, sampling and the token of metrics', async () => {
    const scrape = async (): Promise<number> => (await fetch(`${system.url}/metrics`)).status;
    const open = await scrape();

    const line = await reload(
      [
        'log: { level: info }',
        'tracking: { idle_seconds: 100 }',
        'metrics: { token: not-for-everybody }',
        'trace: { sample_ratio: 0.1 }',
        'request: { timeout_ms: 9000, max_in_flight: 1000 }',
        'jira: { http: { rate_per_second: 5, rate_burst: 6, retries: 2 } }',
        '',
      ].join('\n'),
      'configuration reloaded',
    );

    expect(line['applied']).toEqual(
      expect.arrayContaining([
        'metrics.token',
        'trace.sample_ratio',
        'request.timeout_ms',
        'request.max_in_flight',
        'jira.http.rate_per_second',
        'jira.http.rate_burst',
        'jira.http.retries',
      ]),
    );
    expect([open, await scrape()]).toEqual([200, 401]);
  });

  it('names what needs a restart', async () => {
    const line = await reload(
      'log: { level: info }\ntracking: { idle_seconds: 200 }\n',
      'changed settings need a restart',
    );

    expect(line['settings']).toEqual(['tracking.idle_seconds']);
  });

  it('refuses a file with a fault, says where it is, and goes on', async () => {
    const line = await reload(
      'log: { level: silent }\ntracking: { idle_seconds: some }\n',
      'configuration not reloaded, the old values stay',
    );

    expect(line).toMatchObject({
      level: 'error',
      problems: [expect.stringContaining(`${file}:2:27: tracking.idle_seconds`)],
    });
    await system.processes.get('all')?.ready();
  }, 120_000);
});
