import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Configuration } from '@qa-pms/platform';
import { type AllInOne, startAllInOne } from '../src/all-in-one.js';

describe('some of the services in one process', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-target-'));
    // Else PostgreSQL's user could not enter it, and the database would lie elsewhere.
    await chmod(dataDir, 0o755);
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  const start = (target: string): Promise<AllInOne> => {
    const given = { DATA_DIR: dataDir, PORT: '0', TARGET: target, LOG_LEVEL: 'silent' };
    return startAllInOne(Configuration.fromEnvironment(given), () => undefined);
  };

  /** Calls as a demo user. */
  async function caller({ url, demo }: AllInOne) {
    const password = demo?.logins.find(({ username }) => username === 'qa')?.password;
    const send = async (path: string, body?: object, token?: string) => {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
      const request = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers };
      const answer = await fetch(`${url}/api/v1${path}`, request);
      return { status: answer.status, body: (await answer.json()) as Record<string, never> };
    };
    const { accessToken } = (await send('/auth/login', { username: 'qa', password })).body;
    return (path: string, body?: object) => send(path, body, accessToken);
  }

  it('keep their events for those that are not there', async () => {
    const without = await start('gateway,identity,jira,workflow');
    const first = await caller(without);
    let started = await first('/workflows', { ticketKey: 'DEMO-1' });
    for (let tries = 0; tries < 50 && started.status === 404; tries += 1) {
      // Tickets come with the first sync.
      await sleep(200);
      started = await first('/workflows', { ticketKey: 'DEMO-1' });
    }
    const unheard = await first(`/time/sessions/${String(started.body['id'])}`);
    // The relay looks every 500 ms.
    await sleep(1_000);
    await without.stop('test');

    const whole = await start('all');
    const second = await caller(whole);
    const heard = await second(`/time/sessions/${String(started.body['id'])}?after_row_version=1`);
    await whole.stop('test');

    expect([started.status, unheard.status, heard.status]).toEqual([201, 503, 200]);
  }, 90_000);
});
