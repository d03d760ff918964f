import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, createDataSource, DatabaseSettings } from '@qa-pms/database';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@qa-pms/database/embedded';
import { Configuration, createRootLogger, logFor } from '@qa-pms/platform';
import { makeAuthority, type TestAuthority } from '@qa-pms/testing/certificates';
import pg from 'pg';
import { poolOf, renewTls } from '../src/connection.js';

const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'test');
const PASSWORD = 'a-long-password';

describe('PostgreSQL over TLS', () => {
  let server: EmbeddedPostgres;
  let authority: TestAuthority;
  let other: TestAuthority;
  let ours: { cert: string; key: string };

  beforeAll(async () => {
    authority = await makeAuthority('database CA');
    other = await makeAuthority('another CA');
    ours = await authority.issue({ name: 'certified' });
    server = await startEmbeddedPostgres({
      dataDir: await mkdtemp(join(tmpdir(), 'qa-pms-tls-')),
      persistent: false,
      durable: false,
    });
    await offerTls(server, authority);
  }, 60_000);
  afterAll(() => server.stop());

  /** Connects as a service does, asks whether the connection is encrypted, and who we are. */
  async function ask(settings: DatabaseSettings): Promise<{ ssl: boolean; name: string }> {
    const dataSource = createDataSource({ schema: 'x', entities: [], migrations: [] }, settings, log);
    await connect(dataSource, log);
    try {
      const rows = await dataSource.query<{ ssl: boolean; name: string }[]>(
        'SELECT ssl, current_user AS name FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return rows[0]!;
    } finally {
      await dataSource.destroy();
    }
  }

  function settings(url: string, more: Record<string, string> = {}): DatabaseSettings {
    const address = `postgres://${url.replace('PORT', String(server.port))}/postgres`;
    return Configuration.fromEnvironment({ DATABASE_URL: address, DATABASE_POOL_MIN: '0', ...more }).read(
      DatabaseSettings,
    );
  }

  const scram = `scrammed:${PASSWORD}@localhost:PORT`;
  const full = (): Record<string, string> => ({
    DATABASE_TLS_MODE: 'verify-full',
    DATABASE_TLS_CA: authority.ca,
  });

  it.each(['require', 'verify-ca', 'verify-full'])('works with a password and mode %s', async (mode) => {
    const answer = await ask(settings(scram, { ...full(), DATABASE_TLS_MODE: mode }));

    expect(answer).toEqual({ ssl: true, name: 'scrammed' });
  });

  it('works with a certificate instead of a password', async () => {
    const certificate = { DATABASE_TLS_CERTIFICATE: ours.cert, DATABASE_TLS_KEY: ours.key };

    expect(await ask(settings('certified@localhost:PORT', { ...full(), ...certificate }))).toEqual({
      ssl: true,
      name: 'certified',
    });
  });

  it.each(['require', 'verify-ca'])('does not look at the name of the host with mode %s', async (mode) => {
    const byAddress = scram.replace('localhost', '127.0.0.1');

    expect(await ask(settings(byAddress, { ...full(), DATABASE_TLS_MODE: mode }))).toMatchObject({ ssl: true });
  });

  it('takes any certificate with mode require', async () => {
    expect(await ask(settings(scram, { DATABASE_TLS_MODE: 'require' }))).toMatchObject({ ssl: true });
  });

  it.each([
    [
      'a wrong password',
      () => settings('scrammed:wrong@localhost:PORT', full()),
      /^PostgreSQL at localhost:\d+: refuses the password of "scrammed": look at database.url \(DATABASE_URL\)\.$/,
    ],
    [
      'a CA that we do not know',
      () => settings(scram, { ...full(), DATABASE_TLS_CA: other.ca }),
      /: has a certificate of a CA that is not trusted: give the CA's certificate in database.tls.ca \(DATABASE_TLS_CA\)\.$/,
    ],
    [
      'a CA that we were not told of',
      () => settings(scram, { DATABASE_TLS_MODE: 'verify-ca' }),
      /: has a certificate of a CA that is not trusted: .* database.tls.ca \(DATABASE_TLS_CA\)\.$/,
    ],
    [
      'a certificate for another host',
      () => settings(scram.replace('localhost', '127.0.0.1'), full()),
      /^PostgreSQL at 127.0.0.1:\d+: has a certificate for another host \(DNS:localhost\): .* database.tls.mode \(DATABASE_TLS_MODE\) to verify-ca\.$/,
    ],
    [
      'no encryption where the server demands it',
      () => settings(scram),
      /: takes "scrammed" over TLS only: set database.tls.mode \(DATABASE_TLS_MODE\) to verify-full\.$/,
    ],
    [
      'no certificate where the server demands one',
      () => settings('certified@localhost:PORT', full()),
      /: asks for a certificate of "certified": look at database.tls.certificate .* and database.tls.key /,
    ],
    [
      'a database that does not exist',
      () => Object.assign(settings(scram, full()), { url: settings(scram).url.replace(/postgres$/, 'nowhere') }),
      /does not have this database: make it, or look at database.url \(DATABASE_URL\)\.$/,
    ],
  ])('names the setting in one sentence: %s', async (_what, make, sentence) => {
    const refusal = await ask(make()).catch((error: unknown) => error as Error);

    expect(refusal).toMatchObject({ name: 'SettingsError', problems: [expect.anything()] });
    expect((refusal as Error).message.split('\n  - ')[1]).toMatch(sentence);
  });

  it('connects with the certificate that a reload has read', async () => {
    const wrong = await other.issue({ name: 'certified' });
    const changing = settings('certified@localhost:PORT', {
      ...full(),
      DATABASE_TLS_CERTIFICATE: ours.cert,
      DATABASE_TLS_KEY: ours.key,
    });
    const dataSource = createDataSource({ schema: 'x', entities: [], migrations: [] }, changing, log);
    await connect(dataSource, log);
    const onNewConnection = async (): Promise<unknown> => {
      const held = await poolOf(dataSource).connect();
      try {
        return await dataSource.query('SELECT 1 AS one');
      } finally {
        held.release(true);
      }
    };
    try {
      Object.assign(changing, { tlsCertificate: wrong.cert, tlsKey: wrong.key });
      renewTls(dataSource, changing);
      await expect(onNewConnection()).rejects.toThrow();

      Object.assign(changing, { tlsCertificate: ours.cert, tlsKey: ours.key });
      renewTls(dataSource, changing);
      await expect(onNewConnection()).resolves.toEqual([{ one: 1 }]);
    } finally {
      await dataSource.destroy();
    }
  });
});

/** Gives a server a certificate for `localhost`, a user with a password and one with a certificate, TLS only. */
async function offerTls(server: EmbeddedPostgres, authority: TestAuthority): Promise<void> {
  const { cert, key } = await authority.issue({ hosts: ['localhost'] });
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  try {
    const { rows } = await admin.query<{ folder: string }>(`SELECT current_setting('data_directory') AS folder`);
    const folder = rows[0]?.folder ?? '';
    // The server writes them itself: it takes a key only of its own user.
    const write = (name: string, text: string): Promise<unknown> =>
      admin.query(
        `COPY (VALUES ('${Buffer.from(text).toString('base64')}')) TO PROGRAM 'umask 077; base64 -d > ${folder}/${name}'`,
      );
    await write('server.crt', cert);
    await write('server.key', key);
    await write('ca.crt', authority.ca);
    await write(
      'pg_hba.conf',
      `host all postgres 127.0.0.1/32 scram-sha-256
       hostssl all certified 127.0.0.1/32 cert
       hostssl all scrammed 127.0.0.1/32 scram-sha-256\n`,
    );
    await admin.query(`CREATE ROLE scrammed LOGIN PASSWORD '${PASSWORD}'`);
    await admin.query('CREATE ROLE certified LOGIN');
    await admin.query(`ALTER SYSTEM SET ssl_ca_file = 'ca.crt'`);
    await admin.query('ALTER SYSTEM SET ssl = on');
    await admin.query('SELECT pg_reload_conf()');
  } finally {
    await admin.end();
  }
  // The answer says that the server was told, not that it has read its settings: new connections have what it has read.
  while (!(await offersTls(server))) await sleep(20);
}

async function offersTls(server: EmbeddedPostgres): Promise<boolean> {
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  const { rows } = await admin.query<{ ssl: string }>('SHOW ssl');
  await admin.end();
  return rows[0]?.ssl === 'on';
}
