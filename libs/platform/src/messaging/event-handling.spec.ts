import { describe, expect, it } from '@jest/globals';
import { event, IntegerField, TextField, wireName } from '@qa-pms/contracts';
import { createRootLogger, logFor } from '../log.js';
import { type Entry, EventHandling } from './event-handling.js';
import { MessagesInHand } from './messages-in-hand.js';

class Happened extends event({ service: 'workflow', name: 'happened', key: 'key' }) {
  @TextField({ description: 'Whose.', max: 100 })
  key!: string;
  @IntegerField({ description: 'Which.' })
  number!: number;
}

describe('a stop', () => {
  it.each([true, false])('lets no event overtake one of its key that it leaves (together: %s)', async (isTogether) => {
    const tried: string[] = [];
    const call = (payload: unknown): Promise<void> => {
      for (const { key, number } of [payload].flat() as Happened[]) {
        tried.push(`${key}${String(number)}`);
        if (number === 0) return Promise.reject(new Error('not now'));
      }
      return Promise.resolve();
    };
    const log = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'test');
    const entry: Entry = { message: Happened, isTogether, call };
    const events = new EventHandling({
      service: 'workflow',
      entryOf: () => entry,
      inHand: new MessagesInHand(log),
      log,
      deadLetters: () => null,
    });
    const take = (key: string, number: number): Promise<void> => {
      const headers = { name: wireName(Happened.contract), id: `${key}${String(number)}` };
      return events.take({
        topic: 'qa.workflow.events',
        key,
        headers,
        body: JSON.stringify({ key, number }),
      });
    };

    const taken = [take('a', 0), take('a', 1), take('b', 1)];
    await taken[2];
    while (!tried.includes('a0')) await new Promise(setImmediate);
    events.stop();
    const outcomes = await Promise.allSettled(taken);

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(tried).not.toContain('a1');
  });
});
