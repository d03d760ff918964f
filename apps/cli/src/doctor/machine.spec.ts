import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Configuration } from '@qa-pms/platform';
import { selfSigned } from '@qa-pms/testing/certificates';
import { checkCertificates, checkDataFolder } from './machine.js';

describe('doctor, of the data folder', () => {
  const GIVEN = { DATABASE_URL: 'postgres://db/qa', ENCRYPTION_KEY: 'ab'.repeat(32) };
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qa-pms-machine-'));
    file = join(folder, 'file');
    await writeFile(file, '');
  });
  afterAll(() => rm(folder, { recursive: true }));

  const found = async (dataDir: string, environment: Record<string, string> = {}): Promise<unknown[]> =>
    (await checkDataFolder(Configuration.fromEnvironment(environment), dataDir)).map(({ status, name }) => [
      status,
      name,
    ]);

  it('says that a file is none, and that none can be made below it', async () => {
    expect(await found(folder)).toContainEqual(['ok', 'data folder']);
    expect(await found(file)).toContainEqual(['failed', 'data folder']);
    expect(await found(join(file, 'data'))).toContainEqual(['failed', 'data folder']);
  });

  it('leaves it alone only where nothing is kept in it', async () => {
    expect(await found(file, { ...GIVEN, KAFKA_BROKERS: 'kafka:9092' })).toEqual([['skipped', 'data folder']]);
    expect(await found(file, { ...GIVEN, DEMO: 'false' })).toEqual([['skipped', 'data folder']]);
    // The passwords of the demonstration, the key, the database.
    expect(await found(file, GIVEN)).toContainEqual(['failed', 'data folder']);
    for (const one of Object.keys(GIVEN)) {
      const others = { ...GIVEN, DEMO: 'false', [one]: '' };
      expect(await found(file, others)).toContainEqual(['failed', 'data folder']);
    }
  });
});

describe('doctor, of certificates', () => {
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
  const bundle = async (...days: number[]): Promise<string> =>
    (await Promise.all(days.map((one) => selfSigned({ name: `in ${String(one)}`, validUntil: inDays(one) }))))
      .map(({ cert }) => cert)
      .join('\n');
  const found = (environment: Record<string, string>) =>
    checkCertificates(Configuration.fromEnvironment(environment)).map(({ status, message }) => [status, message]);

  it.each([
    ['the only one', [-1], 'failed', /^has expired on/],
    ['the second of two', [365, 10], 'warning', /^CN=in 10, of 2, ends on/],
    ['none of two', [365, 100], 'ok', /^CN=in 100, of 2, ends on/],
    ['one of two that has ended', [365, -1], 'warning', /^CN=in -1, of 2, has expired on/],
    ['both, that have ended,', [-1, -2], 'failed', /^CN=in -2, of 2, has expired on/],
  ])('names %s of a bundle of authorities', async (_, days, status, message) => {
    expect(found({ DATABASE_TLS_CA: await bundle(...days) })).toEqual([[status, expect.stringMatching(message)]]);
  });

  it('fails for a chain of which one has ended', async () => {
    expect(found({ DATABASE_TLS_CERTIFICATE: await bundle(365, -1) })).toEqual([
      ['failed', expect.stringMatching(/^CN=in -1, of 2, has expired on/)],
    ]);
  });
});
