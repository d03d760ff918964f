import { describe, expect, it } from '@jest/globals';
import { ReportContent } from '@qa-pms/contracts';
import { validatePayload } from '@qa-pms/platform';
import { aPassedStep, aTime, aWorkflow } from '../../test/build.js';
import { draftContent, withReasons, withTimes } from './report-content.js';

const bug = { title: 'Cut off', severity: 'low' as const, component: null, endpoint: null, ticketKey: null };
const test = { source: 'testmo', id: '1', title: 'Login', url: null };

describe('the content of a draft', () => {
  it('gathers what was written in all steps', () => {
    const steps = [
      aPassedStep(0, { notes: 'One.', bugs: [bug] }),
      aPassedStep(1, { notes: '' }),
      aPassedStep(2, { notes: 'Two.', testsCovered: [test] }),
    ];

    const content = draftContent(aWorkflow(steps), [{ stepIndex: 1, reason: 'Slow.' }]);

    expect(content).toMatchObject({
      ticket: { key: 'DEMO-1', title: 'Login fails', type: 'Bug' },
      tester: 'Quinn Abara',
      steps,
      time: null,
      bugs: [bug],
      testsCovered: [test],
      gaps: [{ stepIndex: 1, ratio: null, reason: 'Slow.' }],
      notes: '**Step 0**\n\nOne.\n\n**Step 2**\n\nTwo.',
    });
  });

  it('has no notes where nobody wrote any, and ends with the last change at the latest', () => {
    const content = draftContent(aWorkflow([aPassedStep(0)], { completedAt: null }), []);

    expect(content).toMatchObject({ notes: null, completedAt: '2026-11-21T10:00:00.000Z' });
  });
});

describe('the longest report', () => {
  it('keeps its contract', () => {
    const written = {
      name: 'n'.repeat(200),
      notes: 'a'.repeat(100_000),
      testsCovered: Array.from({ length: 500 }, () => test),
      bugs: Array.from({ length: 100 }, () => bug),
    };
    const steps = Array.from({ length: 50 }, (_, index) => aPassedStep(index, written));
    const reasons = steps.map(({ index }) => ({ stepIndex: index, reason: 'Slow.' }));

    const content = draftContent(aWorkflow(steps), reasons);

    expect(content.testsCovered).toHaveLength(25_000);
    expect(() => {
      validatePayload(ReportContent, content);
    }).not.toThrow();
  });
});

describe('times in a report', () => {
  const draft = draftContent(aWorkflow([aPassedStep(0), aPassedStep(1), aPassedStep(2), aPassedStep(3)]), [
    { stepIndex: 3, reason: 'Asked for.' },
    { stepIndex: 2, reason: 'Environment.' },
  ]);

  it('make a gap of each step over 120 %, and keep the reasons that were given for others', () => {
    const { gaps, time } = withTimes(draft, aTime([1.2, 1.21, 2, null]));

    expect(gaps).toEqual([
      { stepIndex: 1, ratio: 1.21, reason: null },
      { stepIndex: 2, ratio: 2, reason: 'Environment.' },
      { stepIndex: 3, ratio: null, reason: 'Asked for.' },
    ]);
    expect(time?.totalSeconds).toBe(2646);
  });

  it('make a gap of a step that is over 120 % by less than its rounded ratio tells', () => {
    const time = aTime([1.2]);

    const { gaps } = withTimes(draft, { ...time, steps: time.steps.map((step) => ({ ...step, band: 'over' })) });

    expect(gaps).toContainEqual({ stepIndex: 0, ratio: 1.2, reason: null });
  });

  it('take a gap back that a correction has closed, unless a reason was given', () => {
    const { gaps } = withTimes(withTimes(draft, aTime([1, 2, 2, 1])), aTime([1, 1, 1, 1]));

    expect(gaps.map(({ stepIndex, ratio }) => [stepIndex, ratio])).toEqual([
      [2, 1],
      [3, 1],
    ]);
  });

  it('know nothing of a step that they do not name', () => {
    const { gaps } = withTimes(draft, aTime([1]));

    expect(gaps.map(({ ratio }) => ratio)).toEqual([null, null]);
  });
});

describe('reasons of an editor', () => {
  it('replace those of their steps; ratios stay as measured', () => {
    const content = withTimes(draftContent(aWorkflow([aPassedStep(0), aPassedStep(1)]), []), aTime([2, 3]));

    const gaps = withReasons(content, [
      { stepIndex: 1, ratio: 0, reason: 'Network.' },
      { stepIndex: 0, ratio: 0, reason: null },
    ]);

    expect(gaps).toEqual([
      { stepIndex: 0, ratio: 2, reason: null },
      { stepIndex: 1, ratio: 3, reason: 'Network.' },
    ]);
  });

  it('may be given for a step without a gap', () => {
    const content = draftContent(aWorkflow([aPassedStep(0), aPassedStep(1)]), [{ stepIndex: 1, reason: 'x' }]);

    expect(withReasons(content, [{ stepIndex: 0, ratio: 5, reason: 'y' }])).toEqual([
      { stepIndex: 0, ratio: null, reason: 'y' },
      { stepIndex: 1, ratio: null, reason: 'x' },
    ]);
  });

  it('show the measured ratio of such a step once the times are in', () => {
    const content = withTimes(draftContent(aWorkflow([aPassedStep(0), aPassedStep(1)]), []), aTime([1, 0.5]));

    expect(withReasons(content, [{ stepIndex: 1, ratio: null, reason: 'y' }])).toEqual([
      { stepIndex: 1, ratio: 0.5, reason: 'y' },
    ]);
  });
});
