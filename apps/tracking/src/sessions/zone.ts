import { LRUCache } from 'lru-cache';

/** A wall-clock time as milliseconds since 1970 if the wall were in UTC: days and weeks are plain arithmetic on it. */
export type WallTime = number;

const HOUR_MS = 60 * 60 * 1000;
export const DAY_MS = 24 * HOUR_MS;

/** Whether this is the name of an IANA time zone that can be computed with. */
export function isTimeZone(name: string): boolean {
  // Offsets such as +02:00 are accepted by Intl but are no IANA names.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    Zone.of(name);
    return true;
  } catch {
    return false;
  }
}

/** Making one takes a tenth of a millisecond. */
const known = new LRUCache<string, Zone>({ max: 100 });

/** Wall-clock arithmetic of one time zone. */
export class Zone {
  private readonly format: Intl.DateTimeFormat;

  private constructor(readonly name: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** @param name an IANA name; throws RangeError for another. */
  static of(name: string): Zone {
    const zone = known.get(name) ?? new Zone(name);
    known.set(name, zone);
    return zone;
  }

  /** What the wall shows at this moment, to the second. */
  wallTime(moment: number): WallTime {
    const parts: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(moment)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  }

  /** Midnight of the day, as the wall shows it. */
  wallDay(moment: number): WallTime {
    return Math.floor(this.wallTime(moment) / DAY_MS) * DAY_MS;
  }

  /** The first moment at which the wall shows this, or, where a clock change skips it, the moment of that change. */
  momentOf(wall: WallTime): number {
    const candidates = [wall - DAY_MS, wall + DAY_MS].map((near) => wall - (this.wallTime(near) - near));
    const exact = candidates.filter((moment) => this.wallTime(moment) === wall);
    return exact.length > 0 ? Math.min(...exact) : Math.max(...candidates);
  }
}
