import type { CutProposal } from '@qa-pms/contracts';
import type { Session } from './tracked-workflow.js';
import { DAY_MS, Zone } from './zone.js';

const NIGHT_MS = 6 * 60 * 60 * 1000;

/**
 * What was probably left running, up to `asOf`. Idle: nothing happened for `idleSeconds` before its end (or until now).
 * Overnight: it spans 00:00 to 06:00 of the person. Proposed is always the last action before that; the person decides.
 */
export function proposalsOf(session: Session, asOf: Date, idleSeconds: number): CutProposal[] {
  const start = session.startedAt.getTime();
  const end = (session.endedAt ?? asOf).getTime();
  const actions = [start, ...session.actions.map((at) => at.getTime()).filter((at) => at > start && at < end)];
  const proposals: CutProposal[] = [];

  const lastAction = Math.max(...actions);
  if (end - lastAction >= idleSeconds * 1000) proposals.push(cut(session, 'idle', lastAction));

  const morning = firstMorning(session, start, end);
  if (morning !== null) {
    const lastBefore = Math.max(...actions.filter((at) => at < morning));
    proposals.push(cut(session, 'overnight', lastBefore));
  }
  return proposals;
}

/** 06:00 of the first night that lies whole in the span; null when none does. */
function firstMorning(session: Session, start: number, end: number): number | null {
  if (end - start < NIGHT_MS / 2) return null;
  const zone = new Zone(session.timeZone);
  const today = zone.wallDay(start);
  const night = zone.momentOf(today) >= start ? today : today + DAY_MS;
  const morning = zone.momentOf(night + NIGHT_MS);
  return morning <= end ? morning : null;
}

function cut(session: Session, kind: CutProposal['kind'], at: number): CutProposal {
  return { sessionId: session.id, kind, cutAt: new Date(at).toISOString() };
}
