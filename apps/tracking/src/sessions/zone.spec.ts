import { describe, expect, it } from '@jest/globals';
import { DAY_MS, isTimeZone, Zone } from './zone.js';

const iso = (moment: number) => new Date(moment).toISOString();

describe('a time zone', () => {
  it.each(['UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires'])('%s is known', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  it.each(['', 'Europe/Atlantis', '+02:00', "'; DROP TABLE", '__proto__'])('%j is not one', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  it('knows what the wall shows', () => {
    const berlin = Zone.of('Europe/Berlin');

    const wall = berlin.wallTime(Date.parse('2026-07-01T22:30:15.500Z'));

    expect(iso(wall)).toBe('2026-07-02T00:30:15.000Z');
  });

  it.each([
    ['Europe/Berlin', '2026-01-15', '2026-01-14T23:00:00.000Z'],
    ['Europe/Berlin', '2026-07-15', '2026-07-14T22:00:00.000Z'],
    ['Asia/Kolkata', '2026-07-15', '2026-07-14T18:30:00.000Z'],
    ['Pacific/Auckland', '2026-12-15', '2026-12-14T11:00:00.000Z'],
    // Clocks went from 00:00 to 01:00: the day began at 01:00.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z'],
    // Clocks went back from 01:00 to 00:00: midnight came twice, the first one counts.
    ['America/Havana', '2026-11-01', '2026-11-01T04:00:00.000Z'],
  ])('in %s %s begins at %s', (name, day, start) => {
    const zone = Zone.of(name);

    const moment = zone.momentOf(Date.parse(`${day}T00:00:00.000Z`));

    expect(iso(moment)).toBe(start);
  });

  it('has days of 23 and 25 hours', () => {
    const berlin = Zone.of('Europe/Berlin');
    const hours = (day: string) => {
      const wall = Date.parse(`${day}T00:00:00.000Z`);
      return (berlin.momentOf(wall + DAY_MS) - berlin.momentOf(wall)) / 3_600_000;
    };

    expect([hours('2026-03-29'), hours('2026-10-25')]).toEqual([23, 25]);
  });
});
