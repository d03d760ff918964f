import { DAY_MS, type Zone } from '../sessions/zone.js';

/** Monday, 1 January 1973: weeks start on Monday (ISO 8601). */
const A_MONDAY = Date.UTC(1973, 0, 1);

/** Points at most: about ten years of days. */
export const MOST_POINTS = 4000;

/** How many points this takes, at least; cheap, to be asked before `intervalStarts`. */
export function pointsBetween(from: Date, to: Date, interval: 'day' | 'week'): number {
  return (to.getTime() - from.getTime()) / widthOf(interval);
}

/** Starts of all days or weeks of a time zone from the one that `from` lies in up to, not including, `to`. */
export function intervalStarts(from: Date, to: Date, interval: 'day' | 'week', zone: Zone): Date[] {
  const width = widthOf(interval);
  const day = zone.wallDay(from.getTime());
  const first = interval === 'day' ? day : day - modulo(day - A_MONDAY, width);
  const starts: Date[] = [];
  for (let wall = first; ; wall += width) {
    const start = zone.momentOf(wall);
    // The first one may start before `from`; it is never left out.
    if (starts.length > 0 && start >= to.getTime()) return starts;
    // Days that a zone leaves out, as Samoa did on 30 December 2011, have no length.
    if (starts.at(-1)?.getTime() !== start) starts.push(new Date(start));
  }
}

function widthOf(interval: 'day' | 'week'): number {
  return interval === 'day' ? DAY_MS : 7 * DAY_MS;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
