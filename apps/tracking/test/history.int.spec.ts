import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GetAverages, GetTrend, type HistoryRow, ListHistory, UserChanged } from '@qa-pms/contracts';
import type { Caller } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { person, refusedAs, team, Tracking, worked } from './tracking.fixture.js';

let tracking: Tracking;

beforeAll(async () => {
  tracking = await Tracking.start();
});

afterAll(() => tracking.stop());

const history = (query: ListHistory, caller: Caller) => tracking.service.request(ListHistory, query, { caller });
const averages = async (query: GetAverages, caller: Caller) =>
  (await tracking.service.request(GetAverages, query, { caller })).data;
const trend = (query: GetTrend, caller: Caller) => tracking.service.request(GetTrend, query, { caller });

describe('history', () => {
  it('has a row for every ended step, the latest first, without waiting for the workflow to end', async () => {
    const { quinn, ...rest } = team();
    const told = await worked(tracking, rest, quinn.userId, [300, 900]);

    const { data, nextCursor } = await history({}, quinn);

    expect(nextCursor).toBeNull();
    expect(data).toMatchObject([
      { stepIndex: 1, seconds: 900, ratio: 1.5, endedAt: '2026-11-20T09:20:00.000Z' },
      {
        workflowId: told.id,
        ticketKey: 'DEMO-1',
        ticketType: 'Bug',
        template: 'Bug fix',
        userId: quinn.userId,
        stepIndex: 0,
        stepName: 'Step 0',
        seconds: 300,
        estimateSeconds: 600,
        ratio: 0.5,
        endedAt: '2026-11-20T09:05:00.000Z',
      },
    ]);
  });

  it('gives every row once, page by page', async () => {
    const { quinn, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [10, 20, 30, 40, 50]);
    const seen: HistoryRow[] = [];
    let cursor: string | null = null;

    do {
      const page: { data: HistoryRow[]; nextCursor: string | null } = await history(
        { limit: 2, ...(cursor !== null && { cursor }) },
        quinn,
      );
      seen.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);

    expect(seen.map(({ seconds }) => seconds)).toEqual([50, 40, 30, 20, 10]);
  });

  it('filters by person, type of ticket, template, step and time', async () => {
    const { quinn, robin, lead, ...rest } = team();
    const template = { id: uuidv7(), name: 'Regression', version: 1 };
    await worked(tracking, rest, quinn.userId, [10]);
    await worked(tracking, rest, robin.userId, [20, 30], { values: { ticketType: 'Story', template } });
    const secondsOf = async (query: ListHistory) => (await history(query, lead)).data.map(({ seconds }) => seconds);

    expect(await secondsOf({ userId: quinn.userId })).toEqual([10]);
    expect(await secondsOf({ ticketType: 'Story' })).toEqual([30, 20]);
    expect(await secondsOf({ templateId: template.id })).toEqual([30, 20]);
    expect(await secondsOf({ step: 'Step 1' })).toEqual([30]);
    expect(await secondsOf({ from: '2026-11-20T09:00:20.000Z' })).toEqual([30, 20]);
    expect(await secondsOf({ to: '2026-11-20T09:00:20.000Z' })).toEqual([10]);
    expect(await secondsOf({ step: "' OR 1=1 --" })).toEqual([]);
  });

  it("is one's own only without time:read", async () => {
    const { quinn, robin, lead, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [10]);
    await worked(tracking, rest, robin.userId, [20]);

    expect((await history({}, quinn)).data.map(({ userId }) => userId)).toEqual([quinn.userId]);
    expect((await history({}, lead)).data).toHaveLength(2);
    await expect(history({ userId: robin.userId }, quinn)).rejects.toMatchObject(
      refusedAs('FORBIDDEN', { permission: 'time:read' }),
    );
  });

  it('is of one project', async () => {
    const { quinn, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [10]);
    const elsewhere = { ...person(uuidv7(), ['admin']), userId: quinn.userId };

    expect((await history({}, elsewhere)).data).toEqual([]);
  });

  it('changes with reopened steps and with corrections', async () => {
    const { quinn, ...rest } = team();
    const told = await worked(tracking, rest, quinn.userId, [100, 200], { estimates: [600, 600, 600] });

    await told.after(50).reopen(0);
    const whileReopened = (await history({}, quinn)).data.map(({ seconds }) => seconds);
    await told.after(25).endStep();
    const { steps } = await tracking.time(told.id, quinn);
    const second = steps[1]?.sessions[0];
    await tracking.correct(second?.id ?? '', { endedAt: second?.startedAt ?? '' }, quinn);

    expect(whileReopened).toEqual([200]);
    expect((await history({}, quinn)).data.map(({ stepIndex, seconds }) => [stepIndex, seconds])).toEqual([
      [0, 125],
      [1, 0],
    ]);
  });

  it.each([{ cursor: 'made-up' }, { from: '2026-02-40T00:00:00Z' }, { limit: 0 }])('refuses %j', async (query) => {
    await expect(history(query, team().quinn)).rejects.toMatchObject(refusedAs('VALIDATION_ERROR'));
  });

  it('can be asked for from the year 1 on', async () => {
    const { quinn, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [10]);

    expect((await history({ from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59+00:00' }, quinn)).data).toHaveLength(
      1,
    );
  });
});

describe('averages', () => {
  it('have count, mean, median, 80th percentile and ratio of each group', async () => {
    const { quinn, robin, lead, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [100, 200, 300, 400]);
    await worked(tracking, rest, robin.userId, [600], { values: { ticketType: 'Story' } });

    const byType = await averages({ groupBy: 'ticket_type' }, lead);
    const byUser = await averages({ groupBy: 'user', ticketType: 'Bug' }, lead);
    const all = await averages({}, lead);

    expect(byType).toEqual([
      { group: 'Bug', count: 4, meanSeconds: 250, p50Seconds: 250, p80Seconds: 340, meanRatio: 0.417 },
      { group: 'Story', count: 1, meanSeconds: 600, p50Seconds: 600, p80Seconds: 600, meanRatio: 1 },
    ]);
    expect(byUser).toMatchObject([{ group: quinn.userId, count: 4 }]);
    expect(all).toMatchObject([{ group: null, count: 5, meanSeconds: 320 }]);
  });

  it('are none without rows', async () => {
    expect(await averages({}, team().quinn)).toEqual([]);
    expect(await averages({ groupBy: 'step' }, team().quinn)).toEqual([]);
    expect(await averages({ groupBy: 'template' }, team().quinn)).toEqual([]);
  });
});

describe('the trend', () => {
  it('has a point for every day of the time zone, also for those without rows', async () => {
    const { quinn, ...rest } = team();
    // 00:30 of 19 November in Berlin.
    await worked(tracking, rest, quinn.userId, [600], { start: '2026-11-18T23:20:00.000Z' });
    await worked(tracking, rest, quinn.userId, [300], { start: '2026-11-20T09:00:00.000Z' });
    const range = { from: '2026-11-18T12:00:00.000Z', to: '2026-11-20T23:00:00.000Z' };

    const { series } = await trend({ ...range, timeZone: 'Europe/Berlin' }, quinn);

    expect(series).toEqual([
      { start: '2026-11-17T23:00:00.000Z', count: 0, seconds: 0, meanRatio: null },
      { start: '2026-11-18T23:00:00.000Z', count: 1, seconds: 600, meanRatio: 1 },
      { start: '2026-11-19T23:00:00.000Z', count: 1, seconds: 300, meanRatio: 0.5 },
    ]);
  });

  it('is by week where that is asked for', async () => {
    const { quinn, ...rest } = team();
    await worked(tracking, rest, quinn.userId, [60, 60]);
    const range = { from: '2026-11-12T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };

    const { series } = await trend({ ...range, interval: 'week', timeZone: 'UTC' }, quinn);

    expect(series.map(({ start, count }) => [start.slice(0, 10), count])).toEqual([
      ['2026-11-09', 0],
      ['2026-11-16', 2],
    ]);
  });

  it("is of the last 30 days in the caller's time zone by default", async () => {
    const { quinn } = team();
    await tracking.service.deliver(UserChanged, { userId: quinn.userId, displayName: 'Q', timeZone: 'Asia/Kolkata' });

    const found = await trend({}, quinn);

    expect(found).toMatchObject({ interval: 'day', timeZone: 'Asia/Kolkata' });
    expect([31, 30]).toContain(found.series.length);
    expect(found.series[0]?.start).toMatch(/T18:30:00.000Z$/);
  });

  it.each([
    ['timeZone', { timeZone: 'Europe/Atlantis' }],
    ['timeZone', { timeZone: '+02:00' }],
    ['from', { from: '2026-11-20T00:00:00Z', to: '2026-11-20T00:00:00Z' }],
    ['from', { from: '0001-01-01T00:00:00Z' }],
  ])('refuses a wrong %s: %j', async (path, query) => {
    await expect(trend(query, team().quinn)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { violations: [{ path }] },
    });
  });
});
