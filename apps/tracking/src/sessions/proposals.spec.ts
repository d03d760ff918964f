import { describe, expect, it } from '@jest/globals';
import { aSession, at } from '../../test/build.js';
import { proposalsOf } from './proposals.js';

const IDLE_SECONDS = 7200;
const day = (moment: string) => new Date(`2026-11-${moment}:00.000Z`);

describe('an idle session', () => {
  it('that runs is cut at its last action', () => {
    const session = aSession({ endedAt: null, actions: [at('09:20'), at('09:40')] });

    const proposals = proposalsOf(session, at('11:40'), IDLE_SECONDS);

    expect(proposals).toEqual([{ sessionId: 's1', kind: 'idle', cutAt: at('09:40').toISOString(), resumedAt: null }]);
  });

  it('stays one when somebody acts again, and says when', () => {
    const actions = [at('09:05'), at('14:05')];

    for (const endedAt of [null, at('14:10')]) {
      expect(proposalsOf(aSession({ endedAt, actions }), at('14:10'), IDLE_SECONDS)).toEqual([
        { sessionId: 's1', kind: 'idle', cutAt: at('09:05').toISOString(), resumedAt: at('14:05').toISOString() },
      ]);
    }
  });

  it('is proposed a cut for each silence', () => {
    const session = aSession({ endedAt: at('16:00'), actions: [at('11:00'), at('12:59'), at('14:00')] });

    const cuts = proposalsOf(session, at('20:00'), IDLE_SECONDS).map(({ cutAt, resumedAt }) => [cutAt, resumedAt]);

    expect(cuts).toEqual([
      [at('09:00').toISOString(), at('11:00').toISOString()],
      [at('14:00').toISOString(), null],
    ]);
  });

  it('is none between actions of which those between were not kept', () => {
    const session = aSession({ endedAt: at('09:30'), actions: [at('09:01'), at('09:29')] });

    expect(proposalsOf(session, at('20:00'), 600)).toEqual([]);
  });

  it('is none before two hours have passed', () => {
    const session = aSession({ endedAt: null, actions: [at('09:40')] });

    expect(proposalsOf(session, at('11:39:59.999'), IDLE_SECONDS)).toEqual([]);
  });

  it('without any action is cut at its start', () => {
    const session = aSession({ endedAt: null });

    expect(proposalsOf(session, at('12:00'), IDLE_SECONDS)).toMatchObject([{ cutAt: at('09:00').toISOString() }]);
  });

  it('that ended is cut at the last action before its end', () => {
    const session = aSession({ endedAt: at('13:00'), actions: [at('10:00')] });

    expect(proposalsOf(session, at('20:00'), IDLE_SECONDS)).toMatchObject([
      { kind: 'idle', cutAt: at('10:00').toISOString() },
    ]);
  });

  it('is none once its end was corrected to the last action', () => {
    const session = aSession({ endedAt: at('10:00'), actions: [at('10:00'), at('12:59')] });

    expect(proposalsOf(session, at('20:00'), IDLE_SECONDS)).toEqual([]);
  });
});

describe('a session overnight', () => {
  const overnight = { startedAt: day('20T15:00'), endedAt: day('21T09:30') };

  it('is cut at the last action before the morning, although it went on then', () => {
    const session = aSession({ ...overnight, actions: [day('20T16:45'), day('21T08:50')] });

    const silence = { cutAt: '2026-11-20T16:45:00.000Z', resumedAt: '2026-11-21T08:50:00.000Z' };
    expect(proposalsOf(session, day('21T12:00'), IDLE_SECONDS)).toEqual([
      { sessionId: 's1', kind: 'idle', ...silence },
      { sessionId: 's1', kind: 'overnight', ...silence },
    ]);
  });

  it('follows the time zone of the person', () => {
    const tokyo = aSession({ startedAt: day('20T14:59'), endedAt: day('20T21:00'), timeZone: 'Asia/Tokyo' });

    const kinds = proposalsOf(tokyo, day('21T12:00'), IDLE_SECONDS).map(({ kind }) => kind);
    const kindsInUtc = proposalsOf({ ...tokyo, timeZone: 'UTC' }, day('21T12:00'), IDLE_SECONDS);

    expect(kinds).toEqual(['idle', 'overnight']);
    expect(kindsInUtc.map(({ kind }) => kind)).toEqual(['idle']);
  });

  it.each([
    ['ends before 06:00', day('20T15:00'), day('21T05:59')],
    ['starts after 00:00', day('21T00:01'), day('21T09:00')],
  ])('is none when it %s', (_case, startedAt, endedAt) => {
    const actions = [day('21T04:30')];

    const proposals = proposalsOf(aSession({ startedAt, endedAt, actions }), day('21T12:00'), 24 * 3600);

    expect(proposals).toEqual([]);
  });

  it('counts a night from midnight sharp to six sharp', () => {
    const session = aSession({ startedAt: day('21T00:00'), endedAt: day('21T06:00'), actions: [day('21T05:00')] });

    expect(proposalsOf(session, day('21T12:00'), 24 * 3600)).toMatchObject([
      { kind: 'overnight', cutAt: '2026-11-21T05:00:00.000Z' },
    ]);
  });
});
