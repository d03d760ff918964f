import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { startRedis } from '@qa-pms/testing';
import { describeWithRedis } from '@qa-pms/testing/jest';
import { ticketKeys } from './checks.js';
import { qaPms } from './command.js';
import { startAllInOneSystem } from './system.js';

interface Finding {
  name: string;
  status: string;
  message: string;
}

await describeWithRedis('Redis', () => {
  it('is signed in to by doctor as by services, who says what is wrong', async () => {
    const redis = await startRedis({ account: { username: 'qa-pms', password: 'top-secret' } });
    const look = async (url: string): Promise<Finding | undefined> => {
      const { out } = await qaPms(['doctor', '-o', 'json'], { REDIS_URL: url, DATA_DIR: join(tmpdir(), randomUUID()) });
      expect(out).not.toContain('top-secret');
      return (JSON.parse(out) as { findings: Finding[] }).findings.find(({ name }) => name === 'redis');
    };

    const right = await look(redis.url);
    const wrong = await look(redis.url.replace('qa-pms', 'somebody'));
    await redis.stop();
    const gone = await look(redis.url);

    expect(right).toMatchObject({ status: 'ok', message: expect.stringMatching(/^Redis \d+\.\d+\S* answers$/) });
    expect(wrong).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('does not accept our name and password: look at those in redis.url (REDIS_URL)'),
    });
    expect(gone).toMatchObject({ status: 'failed', message: expect.stringContaining('cannot be reached') });
  }, 60_000);

  it('may go and come back under a running product: it is degraded meanwhile, and answers as before', async () => {
    const redis = await startRedis();
    const system = await startAllInOneSystem({ REDIS_URL: redis.url });
    try {
      const qa = await system.signIn('qa');
      const health = async (): Promise<string> =>
        ((await (await fetch(`${system.url}/health/ready`)).json()) as { status: string }).status;
      const until = async (status: string): Promise<void> => {
        while ((await health()) !== status) await sleep(50);
      };
      await until('healthy');
      // Each asks Jira, whose limit Redis keeps.
      const [key = ''] = await ticketKeys(qa, 1);
      const ticket = async (): Promise<number> => (await qa.get(`/tickets/${key}/transitions`)).status;

      const before = await ticket();
      await redis.kill();
      await until('degraded');
      const meanwhile = await ticket();
      await redis.restart();
      await until('healthy');
      const after = await ticket();

      expect([before, meanwhile, after]).toEqual([200, 200, 200]);
      const said = system.processes.get('all')?.output ?? '';
      expect(said).toMatch(/"level":"warn".*"Redis is not reached"/);
    } finally {
      await system.stop();
      await redis.stop();
    }
  }, 120_000);
});
