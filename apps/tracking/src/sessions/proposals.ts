import type { CutProposal } from '@qa-pms/contracts';
import { ACTION_DISTANCE_MS } from './session.rules.js';
import type { Session } from './tracked-workflow.js';
import { DAY_MS, Zone } from './zone.js';

const NIGHT_MS = 6 * 60 * 60 * 1000;

/** From an action to the next one; null: none came until the end of the session, or until now. */
interface Silence {
  from: number;
  to: number | null;
}

/**
 * What was probably left running, up to `asOf`. Idle: nothing happened for `idleSeconds`, whether or not work went on
 * then. Overnight: it spans 00:00 to 06:00 of the person. Proposed is always the last action before that; the person
 * decides.
 */
export function proposalsOf(session: Session, asOf: Date, idleSeconds: number): CutProposal[] {
  const start = session.startedAt.getTime();
  const end = (session.endedAt ?? asOf).getTime();
  const actions = [start, ...session.actions.map((at) => at.getTime()).filter((at) => at > start && at < end)];
  const silences = actions.map((from, index): Silence => ({ from, to: actions[index + 1] ?? null }));

  const idleMs = idleSeconds * 1000;
  const idle = silences.filter(({ from, to }) =>
    // Actions between two that are closer than that were not kept.
    to === null ? end - from >= idleMs : to - from >= Math.max(idleMs, ACTION_DISTANCE_MS),
  );
  const morning = firstMorning(session, start, end);
  const night = silences.findLast(({ from }) => morning !== null && from < morning);
  return [
    ...idle.map((silence) => cut(session, 'idle', silence)),
    ...(night ? [cut(session, 'overnight', night)] : []),
  ];
}

/** 06:00 of the first night that lies whole in the span; null when none does. */
function firstMorning(session: Session, start: number, end: number): number | null {
  if (end - start < NIGHT_MS / 2) return null;
  const zone = Zone.of(session.timeZone);
  const today = zone.wallDay(start);
  const night = zone.momentOf(today) >= start ? today : today + DAY_MS;
  const morning = zone.momentOf(night + NIGHT_MS);
  return morning <= end ? morning : null;
}

function cut(session: Session, kind: CutProposal['kind'], { from, to }: Silence): CutProposal {
  return {
    sessionId: session.id,
    kind,
    cutAt: new Date(from).toISOString(),
    resumedAt: to === null ? null : new Date(to).toISOString(),
  };
}
