import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@qa-pms/database/embedded';
import { startTestDatabase, type TestDatabase } from '@qa-pms/testing';
import { leaveOut } from '@qa-pms/testing/jest';
import { ticketKeys } from './checks.js';
import { type Ended, qaPms } from './command.js';
import { startAllInOneSystem } from './system.js';

const run = promisify(execFile);
/** A service waits 30 s for its database. */
const LIMIT_MS = 90_000;

interface Findings {
  findings: { name: string; status: string; message: string; remedy: string | null }[];
}

/** What doctor says failed: `name: message → remedy`. */
async function diagnosed(environment: Record<string, string>): Promise<{ code: number | null; failures: string[] }> {
  const { code, out } = await qaPms(['doctor', '-o', 'json'], environment);
  const { findings } = JSON.parse(out) as Findings;
  const failures = findings.filter(({ status }) => status === 'failed');
  return { code, failures: failures.map(({ name, message, remedy }) => `${name}: ${message} → ${String(remedy)}`) };
}

/** The sentence that the start ended with; log lines stand before it. */
function sentence({ err }: Ended): string {
  return err.slice(err.lastIndexOf('qa-pms: ')).trim();
}

/** A small disk of its own, where this process may mount one. */
class Disk {
  readonly path: string;
  private constructor(path: string) {
    this.path = path;
  }
  static async mount(megabytes: number): Promise<Disk> {
    const path = await mkdtemp(join(tmpdir(), 'qa-pms-disk-'));
    await run('mount', ['-t', 'tmpfs', '-o', `size=${String(megabytes)}m,mode=755`, 'tmpfs', path]);
    return new Disk(path);
  }
  async remount(option: 'ro' | 'rw'): Promise<void> {
    await run('mount', ['-o', `remount,${option}`, this.path]);
  }
  /** Takes what is left. */
  async fill(): Promise<void> {
    await run('sh', ['-c', `dd if=/dev/zero of=${this.path}/ballast bs=64k 2>/dev/null; true`]);
  }
  async empty(): Promise<void> {
    await rm(join(this.path, 'ballast'), { force: true });
  }
  async unmount(): Promise<void> {
    await run('umount', ['--lazy', this.path]);
    await rm(this.path, { recursive: true, force: true });
  }
}

const mountProblem = await Disk.mount(1).then(
  async (disk) => {
    await disk.unmount();
    return null;
  },
  (error: unknown) => `no file system can be mounted here: ${(error as Error).message.split('\n')[0] ?? ''}`,
);

describe('a start with a fault ends with one sentence, and doctor names it', () => {
  let database: TestDatabase;
  let folder: string;
  let nobody: number;
  const environment = (given: Record<string, string>): Record<string, string> => ({
    DATA_DIR: join(folder, 'data'),
    PORT: String(nobody),
    LOG_LEVEL: 'fatal',
    DEMO: 'false',
    ...given,
  });

  beforeAll(async () => {
    database = await startTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-faults-'));
    nobody = await freePort();
  });
  afterAll(async () => {
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it(
    'database down',
    async () => {
      const given = environment({ DATABASE_URL: 'postgres://qa:top-secret@127.0.0.1:9/qa' });

      const [ended, { code, failures }] = await Promise.all([qaPms(['serve'], given), diagnosed(given)]);

      expect(ended.code).toBe(69);
      expect(sentence(ended)).toBe(
        'qa-pms: PostgreSQL at 127.0.0.1:9 cannot be reached (ECONNREFUSED): is it running? Else look at database.url (DATABASE_URL).',
      );
      expect(code).toBe(1);
      expect(failures).toContainEqual(expect.stringMatching(/^database: cannot be used: PostgreSQL at 127.0.0.1:9/));
      expect(ended.err + failures.join('')).not.toContain('top-secret');
    },
    LIMIT_MS,
  );

  it(
    'wrong password',
    async () => {
      const url = new URL(database.url);
      url.password = 'top-secret';
      const given = environment({ DATABASE_URL: url.href });

      const [ended, { code, failures }] = await Promise.all([qaPms(['serve'], given), diagnosed(given)]);

      expect(ended.code).toBe(78);
      expect(sentence(ended)).toContain(
        `refuses the password of "${url.username}": look at database.url (DATABASE_URL).`,
      );
      expect(code).toBe(1);
      expect(failures).toContainEqual(expect.stringContaining('refuses the password of'));
      expect(ended.err + failures.join('')).not.toContain('top-secret');
    },
    LIMIT_MS,
  );

  it(
    'broker down',
    async () => {
      const given = environment({
        DATABASE_URL: database.url,
        KAFKA_BROKERS: '127.0.0.1:9',
        DATABASE_MIGRATE_ON_START: 'true',
      });

      const [ended, { code, failures }] = await Promise.all([qaPms(['serve'], given), diagnosed(given)]);

      expect(ended.code).toBe(69);
      expect(sentence(ended)).toBe(
        'qa-pms: Kafka at 127.0.0.1:9 cannot be reached: is it running? Else look at kafka.brokers (KAFKA_BROKERS).',
      );
      expect(code).toBe(1);
      expect(failures).toContainEqual(
        expect.stringMatching(/^kafka: Kafka at 127.0.0.1:9 cannot be reached.*→ Start Kafka/),
      );
    },
    LIMIT_MS,
  );

  it(
    'port taken',
    async () => {
      const other = createServer((socket) => socket.on('error', () => undefined).end('something else\r\n'));
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as AddressInfo;
      const given = environment({ DATABASE_URL: database.url, PORT: String(port) });

      const ended = await qaPms(['serve'], given);
      const { code, failures } = await diagnosed(given);
      other.close();

      expect(ended.code).toBe(69);
      expect(sentence(ended)).toBe(
        `qa-pms: Port ${String(port)} is taken: stop what uses it, or choose another in port (PORT).`,
      );
      expect(code).toBe(1);
      expect(failures).toContainEqual(expect.stringMatching(/^port: something .* → Another program has the port/));
    },
    LIMIT_MS,
  );

  it(
    'everything down',
    async () => {
      const given = environment({
        DATABASE_URL: 'postgres://qa:top-secret@127.0.0.1:9/qa',
        KAFKA_BROKERS: '127.0.0.1:9',
        ENCRYPTION_KEY: '11'.repeat(32),
        JIRA_SITE_URL: 'http://127.0.0.1:9',
        JIRA_EMAIL: 'qa@example.com',
        JIRA_API_TOKEN: 'top-secret',
        JIRA_HTTP_PRIVATE_HOSTS: '127.0.0.1',
      });

      const { code, failures } = await diagnosed(given);

      expect(code).toBe(1);
      expect(failures.map((failure) => failure.replace(/:.*/s, ''))).toEqual([
        'port',
        'database',
        'kafka',
        'jira http',
      ]);
      expect(failures.join('')).not.toContain('top-secret');
    },
    LIMIT_MS,
  );

  it('wrong master key, and the right one again', async () => {
    const system = await startAllInOneSystem();
    const file = join(system.dataDir, 'master.key');
    const right = await readFile(file, 'utf8');
    await system.signIn('qa');
    await system.processes.get('all')?.stop();
    const given = environment({ DATA_DIR: system.dataDir });
    await writeFile(file, `${randomBytes(32).toString('hex')}\n`);

    const ended = await qaPms(['serve'], given);
    const database = await startTestDatabase();
    await writeFile(file, right);
    const back = await system.start('all', 'all');
    await system.signIn('qa');
    const diagnosis = await diagnosed({ ...given, ENCRYPTION_KEY: '11'.repeat(32) });
    await back.stop();
    await database.stop();
    await system.stop();

    expect(ended.code).toBe(78);
    expect(sentence(ended)).toMatch(
      /ENCRYPTION_KEY.*does not open the keys in the database: .*encrypted with another master key/s,
    );
    expect(diagnosis.failures).toContainEqual(
      expect.stringMatching(/^encrypted values: were encrypted with master key/),
    );
  }, 180_000);

  if (mountProblem !== null) leaveOut('full disk and read-only data folder', mountProblem);
  (mountProblem === null ? describe : describe.skip)('on a disk of its own', () => {
    let disk: Disk;
    let dataDir: string;
    beforeAll(async () => {
      disk = await Disk.mount(400);
      dataDir = join(disk.path, 'data');
      await mkdir(dataDir);
      await chmod(dataDir, 0o755);
    });
    afterAll(() => disk.unmount());

    it(
      'read-only data folder',
      async () => {
        await disk.remount('ro');
        const given = environment({ DATA_DIR: dataDir });

        const ended = await qaPms(['serve'], given);
        const { code, failures } = await diagnosed(given);
        await disk.remount('rw');

        expect(ended.code).toBe(1);
        expect(sentence(ended)).toMatch(
          /^qa-pms: The data folder .* cannot be written \(EROFS.*\): choose another with DATA_DIR\.$/,
        );
        expect(code).toBe(1);
        expect(failures).toContainEqual(
          expect.stringMatching(/^data folder: .* cannot be written \(EROFS\) → Give it/),
        );
      },
      LIMIT_MS,
    );

    it('disk full, at the start and while it runs: what was answered is there when there is room again', async () => {
      await disk.fill();
      const given = environment({ DATA_DIR: dataDir });
      const ended = await qaPms(['serve'], given);
      const { code, failures } = await diagnosed(given);
      await qaPms(['migrate', 'run'], { DATABASE_URL: database.url });
      const backup = await qaPms(['backup', join(disk.path, 'b.tar.gz')], { DATABASE_URL: database.url });
      const left = await readdir(disk.path);
      await disk.empty();

      expect(ended.code).toBe(1);
      expect(sentence(ended)).toMatch(
        /^qa-pms: The disk of the data folder .* is full \(\d+ MB left, a start needs 32\): make room, or choose another folder with DATA_DIR\.$/,
      );
      expect(code).toBe(1);
      expect(backup).toMatchObject({ code: 1, err: expect.stringMatching(/^qa-pms: .*(full|ENOSPC)/) });
      expect(left.sort()).toEqual(['ballast', 'data']);
      expect(failures).toContainEqual(expect.stringMatching(/^disk: 100 % .* → Make room/));

      const system = await startAllInOneSystem({ DATA_DIR: dataDir, LOG_LEVEL: 'fatal' });
      try {
        const qa = await system.signIn('qa');
        const [kept, ...others] = await ticketKeys(qa, 20);
        const { body: before } = await qa.post('/workflows', { ticketKey: kept });
        await disk.fill();
        const answers: { status: number; id: unknown }[] = [];
        for (let turn = 0; turn < 400; turn += 1) {
          const { status, body } = await qa.post('/workflows', {
            ticketKey: others[turn % others.length],
            onActive: 'restart',
          });
          answers.push({ status, id: body['id'] });
          if (status >= 500) break;
        }
        const started = answers.filter(({ status }) => status === 201).map(({ id }) => String(id));
        await disk.empty();

        for (const id of [String(before['id']), ...started]) {
          let status = 0;
          for (let tries = 0; tries < 200 && status !== 200; tries += 1) {
            ({ status } = await qa.get(`/workflows/${id}`));
            if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
          }
          expect(status).toBe(200);
        }
        const statuses = [...new Set(answers.map(({ status }) => status))].sort();
        process.stderr.write(`full disk: answers ${statuses.join(', ')}, ${String(started.length)} kept\n`);
        expect(statuses.filter((status) => ![201, 503].includes(status))).toEqual([]);
      } finally {
        await system.stop();
      }
    }, 240_000);
  });
});
