import { describe, expect, it } from '@jest/globals';
import { AppError } from '@qa-pms/contracts';
import { aSession, at, aTracked } from '../../test/build.js';
import type { Session } from '../sessions/tracked-workflow.js';
import { corrected, type NewSpan } from './correction.rules.js';

const NOW = at('18:00');
const FIRST = aSession();
const SECOND = aSession({ id: 's2', startedAt: at('11:00'), endedAt: at('12:00') });
const RUNNING = aSession({ id: 's3', startedAt: at('13:00'), endedAt: null });

function correct(session: Session, span: Partial<NewSpan>): Session {
  return corrected(aTracked([FIRST, SECOND, RUNNING]), session, { startedAt: null, endedAt: null, ...span }, NOW);
}

function refusal(work: () => unknown): { code?: string; details?: Record<string, unknown> } {
  try {
    work();
    return {};
  } catch (error) {
    return error instanceof AppError ? { code: error.code, details: error.details } : { code: String(error) };
  }
}

describe('a correction', () => {
  it('moves one end and keeps the other', () => {
    expect(correct(FIRST, { endedAt: at('09:40') })).toEqual({ ...FIRST, endedAt: at('09:40') });
    expect(correct(FIRST, { startedAt: at('08:00') })).toEqual({ ...FIRST, startedAt: at('08:00') });
  });

  it('may leave nothing, which is a cut at the start', () => {
    expect(correct(FIRST, { endedAt: FIRST.startedAt })).toMatchObject({ endedAt: FIRST.startedAt });
  });

  it('may touch the next session', () => {
    expect(correct(FIRST, { endedAt: SECOND.startedAt })).toMatchObject({ endedAt: SECOND.startedAt });
  });

  it.each([
    ['the next one', FIRST, { endedAt: at('11:00:00.001') }],
    ['the one before', SECOND, { startedAt: at('09:59') }],
    ['the one that runs', SECOND, { endedAt: at('13:01') }],
    ['one within it', FIRST, { endedAt: at('12:30') }],
  ])('must not overlap %s', (_other, session, span) => {
    const { code, details } = refusal(() => correct(session, span));

    expect(code).toBe('CORRECTION_OVERLAPS');
    expect(details).toMatchObject({ corrected: { startedAt: expect.any(String) }, other: expect.anything() });
  });

  it('must not end before it starts', () => {
    expect(refusal(() => correct(FIRST, { startedAt: at('10:00:01') }))).toMatchObject({
      code: 'CORRECTION_OVERLAPS',
      details: { other: null },
    });
  });

  it.each([
    ['change nothing', '', {}],
    ['repeat what is', '', { startedAt: FIRST.startedAt, endedAt: FIRST.endedAt }],
    ['end in the future', 'endedAt', { endedAt: at('18:00:01') }],
    ['start long before the workflow', 'startedAt', { startedAt: new Date('2026-10-01T00:00:00Z') }],
  ])('must not %s', (_case, path, span) => {
    expect(refusal(() => correct(FIRST, span))).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { violations: [{ path }] },
    });
  });

  it('is not possible while the session runs', () => {
    expect(refusal(() => correct(RUNNING, { startedAt: at('13:30') }))).toEqual({
      code: 'WORKFLOW_INVALID_STATE',
      details: { status: 'active', allowed: ['pause'] },
    });
  });
});
