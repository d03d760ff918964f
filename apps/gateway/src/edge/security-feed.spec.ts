import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type AccessChanges, AppError, type GetAccessChanges, ResolveAccess } from '@qa-pms/contracts';
import type { BackgroundJobs, Log, MessageBus } from '@qa-pms/platform';
import { Access } from './access.js';
import { SecurityFeed } from './security-feed.js';

const [QUINN, ROBIN] = ['01931000-0000-7000-8000-000000000001', '01931000-0000-7000-8000-000000000002'];
const NOTHING: AccessChanges = { cursor: '7', everybody: false, userIds: [] };

describe('the security feed', () => {
  /** What identity says to the next question; null: it does not answer. */
  let answer: AccessChanges | AppError | null;
  let cursors: (string | undefined)[];
  let lines: string[];
  let resolved: string[];
  let feed: SecurityFeed;
  let access: Access;
  /** What BackgroundJobs would do every 500 ms. */
  let poll: () => Promise<unknown>;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    [answer, cursors, lines, resolved] = [NOTHING, [], [], []];
    const request = async (message: unknown, payload: { userId?: string } & GetAccessChanges): Promise<unknown> => {
      if (message === ResolveAccess) {
        const { userId = '' } = payload;
        resolved.push(userId);
        return { userId, displayName: 'Quinn', roles: [], projects: [] };
      }
      cursors.push(payload.since);
      if (answer === null) throw new AppError('UPSTREAM_TIMEOUT', { upstream: 'identity' });
      if (answer instanceof AppError) throw answer;
      return Promise.resolve(answer);
    };
    const bus = { request } as unknown as MessageBus;
    const jobs = {
      every: (_ms: number, _name: string, work: () => Promise<unknown>) => {
        poll = work;
      },
    } as unknown as BackgroundJobs;
    const say = (_facts: object, text: string): void => void lines.push(text);
    feed = new SecurityFeed(bus, jobs, { info: say, warn: say } as unknown as Log);
    access = new Access(bus, feed);
    feed.onModuleInit();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const bothAsk = async (): Promise<void> => {
    await access.ofUser(QUINN);
    await access.ofUser(ROBIN);
  };

  it('lets what is known of a user stand for as long as nothing is said of them', async () => {
    await poll();
    await bothAsk();
    for (let count = 0; count < 110; count += 1) {
      jest.advanceTimersByTime(500);
      await poll();
    }
    await bothAsk();

    expect(resolved).toEqual([QUINN, ROBIN]);
    expect(new Set(cursors.slice(1))).toEqual(new Set(['7']));
  });

  it('has those asked anew whom it names', async () => {
    await poll();
    await bothAsk();
    answer = { cursor: '9', everybody: false, userIds: [ROBIN] };
    await poll();
    await bothAsk();

    expect(resolved).toEqual([QUINN, ROBIN, ROBIN]);
  });

  it.each([
    ['the first answer', { cursor: '7', everybody: true, userIds: [] }],
    ['an identity that does not know the question', new AppError('MESSAGE_NOT_FOUND', { message: 'x' })],
  ])('has everybody asked anew by %s', async (_name, given) => {
    await bothAsk();
    answer = given;
    await poll();
    await bothAsk();

    expect(resolved).toEqual([QUINN, ROBIN, QUINN, ROBIN]);
    expect(feed.isStale).toBe(false);
  });

  it('has everybody asked anew where it cannot say what a change has changed', async () => {
    await poll();
    await bothAsk();
    answer = null;
    await access.changed();
    await bothAsk();

    expect(resolved).toEqual([QUINN, ROBIN, QUINN, ROBIN]);
  });

  it('that has not been heard for 30 s refuses everybody, says so once, and goes on from nothing when it is back', async () => {
    await poll();
    await bothAsk();
    answer = null;
    jest.advanceTimersByTime(29_000);
    await poll();
    await access.ofUser(QUINN);
    jest.advanceTimersByTime(1_500);
    await poll();
    await poll();

    await expect(access.ofUser(QUINN)).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      details: { upstream: 'identity' },
    });
    expect(lines).toEqual(['security feed has stopped: requests with a token are refused']);

    answer = { cursor: '9', everybody: true, userIds: [] };
    await access.ofUser(QUINN);
    expect(cursors.at(-1)).toBeUndefined();
    expect(resolved).toEqual([QUINN, ROBIN, QUINN]);
    expect(lines.at(-1)).toBe('security feed goes on');
  });
});
