import {
  AppError,
  type GapReason,
  type ReportContent,
  type ReportGap,
  type Workflow,
  type WorkflowTime,
} from '@qa-pms/contracts';

/** The content of a draft as the workflow tells it; times come later. Throws VALIDATION_ERROR as `demandSteps` does. */
export function draftContent(workflow: Workflow, reasons: GapReason[]): ReportContent {
  const { ticketKey, ticketTitle, ticketType, steps } = workflow;
  demandSteps('gapReasons', reasons, steps.length);
  const notes = steps
    .filter(({ notes: note }) => note !== null && note !== '')
    .map((step) => `**${step.name}**\n\n${step.notes ?? ''}`);
  return {
    ticket: { key: ticketKey, title: ticketTitle, type: ticketType },
    template: workflow.template,
    tester: workflow.userDisplayName,
    outcome: workflow.outcome,
    startedAt: workflow.startedAt,
    completedAt: workflow.completedAt ?? workflow.updatedAt,
    steps,
    time: null,
    testsCovered: steps.flatMap(({ testsCovered }) => testsCovered),
    bugs: steps.flatMap(({ bugs }) => bugs),
    strategies: null,
    gaps: reasons.map(({ stepIndex, reason }) => ({ stepIndex, ratio: null, reason })),
    notes: notes.length > 0 ? notes.join('\n\n') : null,
  };
}

/** Puts times in: each step over its estimate by more than a fifth is a gap, with the reason that was given for it. */
export function withTimes(content: ReportContent, time: WorkflowTime): ReportContent {
  const reasonOf = (index: number): string | null =>
    content.gaps.find(({ stepIndex }) => stepIndex === index)?.reason ?? null;
  const over = time.steps.filter(({ band }) => band === 'over');
  const gaps: ReportGap[] = over.map(({ index, ratio }) => ({ stepIndex: index, ratio, reason: reasonOf(index) }));
  const given = content.gaps.filter(
    ({ stepIndex, reason }) => reason !== null && !over.some(({ index }) => index === stepIndex),
  );
  const kept = given.map(({ stepIndex, reason }) => ({ stepIndex, ratio: ratioOf(time, stepIndex), reason }));
  return { ...content, time, gaps: [...gaps, ...kept].sort((one, other) => one.stepIndex - other.stepIndex) };
}

/** Reasons as an editor gives them; ratios are measured, not edited. Throws VALIDATION_ERROR as `demandSteps` does. */
export function withReasons(content: ReportContent, edited: ReportGap[]): ReportGap[] {
  demandSteps('gaps', edited, content.steps.length);
  const gaps = new Map(content.gaps.map((gap) => [gap.stepIndex, gap]));
  for (const { stepIndex, reason } of edited) {
    gaps.set(stepIndex, { stepIndex, ratio: ratioOf(content.time, stepIndex), reason: reason ?? null });
  }
  return [...gaps.values()].sort((one, other) => one.stepIndex - other.stepIndex);
}

function ratioOf(time: WorkflowTime | null, index: number): number | null {
  return time?.steps.find((step) => step.index === index)?.ratio ?? null;
}

/** Throws VALIDATION_ERROR for a step that the workflow does not have, and for one that is named twice. */
function demandSteps(path: string, named: { stepIndex: number }[], steps: number): void {
  const seen = new Set<number>();
  for (const [place, { stepIndex }] of named.entries()) {
    const where = `${path}[${String(place)}].stepIndex`;
    if (stepIndex >= steps)
      throw AppError.invalid(where, 'max', `${where} must not be greater than ${String(steps - 1)}`);
    if (seen.has(stepIndex)) throw AppError.invalid(where, 'arrayUnique', `${where} names a step for the second time`);
    seen.add(stepIndex);
  }
}
