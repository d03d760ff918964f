import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { AddComment, ApplyTransition, GetTicket, ListTickets, ListTransitions } from '@qa-pms/contracts';
import { cleanUpInbox } from '@qa-pms/database';
import type { Caller } from '@qa-pms/platform';
import { testCaller } from '@qa-pms/testing';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { Writes } from '../src/tickets/writes.js';
import { eventually, type JiraFixture, startJira } from './jira.fixture.js';

describe('changing tickets', () => {
  let fixture: JiraFixture;
  let caller: Caller;

  const get = (key: string) => fixture.service.request(GetTicket, { key }, { caller });
  const transitions = (key: string) => fixture.service.request(ListTransitions, { key }, { caller });
  const apply = (key: string, transitionId: string, messageId = uuidv7()) =>
    fixture.service.request(ApplyTransition, { key, transitionId }, { caller, messageId });
  const comment = (key: string, bodyMarkdown: string, messageId = uuidv7()) =>
    fixture.service.request(AddComment, { key, bodyMarkdown }, { caller, messageId });

  /** As if the process had died after Jira was called and before that was noted. */
  const forget = async (messageId: string) => {
    await inJira('DELETE FROM jira.inbox_messages WHERE message_id = $1', [messageId]);
    await inJira('UPDATE jira.writes SET done_at = NULL WHERE message_id = $1', [messageId]);
  };

  /** As if so much time had passed since this message, and all clean-ups had run. */
  const age = async (messageId: string, time: string) => {
    await inJira('UPDATE jira.inbox_messages SET received_at = received_at - $2::interval WHERE message_id = $1', [
      messageId,
      time,
    ]);
    await inJira('UPDATE jira.writes SET started_at = started_at - $2::interval WHERE message_id = $1', [
      messageId,
      time,
    ]);
    await cleanUpInbox(fixture.service.get(DataSource), 'jira');
    await fixture.service.get(Writes).cleanUp();
  };

  const inJira = (text: string, values: unknown[]) =>
    fixture.service.get(DataSource).transaction(async (manager) => {
      await manager.query(`SELECT set_config('qa.all_projects', 'on', true)`);
      return manager.query<unknown>(text, values);
    });

  beforeAll(async () => {
    // A long interval: what is seen afterwards came with the change, not with a sync.
    // No circuit breaker either: each fault is to show itself.
    fixture = await startJira({
      JIRA_SYNC_SECONDS: '600',
      JIRA_HTTP_BREAKER_WINDOW: '1000',
      JIRA_HTTP_BREAKER_MIN_CALLS: '1000',
    });
    caller = testCaller({ projectId: fixture.projects['DEMO'], displayName: 'Quinn *Abara*', roles: ['qa'] });
    await eventually(
      () => fixture.service.request(ListTickets, {}, { caller }),
      (page) => page.pagination.totalItems === 40,
    );
  });

  afterAll(() => fixture.stop());

  afterEach(() => {
    fixture.jira.fault(null);
  });

  it('lists the transitions with our states', async () => {
    const { data } = await transitions('DEMO-1');

    expect(data).toContainEqual({ id: '10003', name: 'Start QA', toStatus: 'qa_in_progress', toJiraStatus: 'In QA' });
    expect(data.map((one) => one.toJiraStatus)).not.toContain('Ready for QA');
  });

  it('applies a transition and answers the ticket after it', async () => {
    const answered = await apply('DEMO-1', '10003');

    expect([answered.status, answered.jiraStatus]).toEqual(['qa_in_progress', 'In QA']);
    expect((await get('DEMO-1')).status).toBe('qa_in_progress');
    expect(fixture.jira.store.get('DEMO-1').fields.status.name).toBe('In QA');
  });

  it('refuses a transition that the ticket does not have', async () => {
    await expect(apply('DEMO-2', '77')).rejects.toMatchObject({ code: 'TRANSITION_NOT_FOUND', details: { id: '77' } });
    await expect(apply('DEMO-999', '10003')).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
    await expect(apply('OTHER-1', '10003')).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
  });

  it('answers a transition that is delivered twice as the first time', async () => {
    const messageId = uuidv7();
    const first = await apply('DEMO-5', '10004', messageId);
    await apply('DEMO-5', '10005');

    const second = await apply('DEMO-5', '10004', messageId);

    expect(second).toEqual(first);
    expect(fixture.jira.store.get('DEMO-5').fields.status.name).toBe('Done');
  });

  it('takes a transition as applied that was, before a crash', async () => {
    const messageId = uuidv7();
    await apply('DEMO-6', '10003', messageId);
    await forget(messageId);

    const again = await apply('DEMO-6', '10003', messageId);

    expect(again.jiraStatus).toBe('In QA');
  });

  it('answers a transition even when Jira cannot show the result', async () => {
    fixture.jira.fault({ kind: '401', path: '?fields=' });

    const answered = await apply('DEMO-7', '10004');

    fixture.jira.fault(null);
    expect([answered.status, answered.jiraStatus]).toEqual(['uat', 'UAT']);
    expect((await get('DEMO-7')).status).toBe('uat');
  });

  it('writes a comment that names its author', async () => {
    const answered = await comment('DEMO-8', 'Passed **all** on `staging`.\n\n- one\n- <b>two</b>');

    expect(answered.bodyMarkdown).toBe(
      '*Quinn \\*Abara\\* (QA Intelligent PMS):*\n\nPassed **all** on `staging`.\n\n- one\n- &lt;b>two&lt;/b>',
    );
    expect((await get('DEMO-8')).comments.at(-1)).toEqual(answered);
    expect(fixture.jira.store.get('DEMO-8').comments).toHaveLength(1);
  });

  it('writes a comment once, however often it is delivered', async () => {
    const messageId = uuidv7();
    const first = await comment('DEMO-10', 'Once', messageId);

    const delivered = await comment('DEMO-10', 'Once', messageId);
    await forget(messageId);
    const afterCrash = await comment('DEMO-10', 'Once', messageId);

    expect([delivered, afterCrash]).toEqual([first, first]);
    expect(fixture.jira.store.get('DEMO-10').comments).toHaveLength(1);
  });

  it('writes it once as long as an event may make its sender send it again, a week', async () => {
    const messageId = uuidv7();
    const first = await comment('DEMO-14', 'Once a week', messageId);
    await age(messageId, '7 days');

    expect(await comment('DEMO-14', 'Once a week', messageId)).toEqual(first);
    const written = fixture.jira.store
      .get('DEMO-14')
      .comments.filter(({ body }) => JSON.stringify(body).includes('Once'));
    expect(written).toHaveLength(1);
  });

  it('takes what comes a day later with the same Idempotency-Key for new', async () => {
    const keyed = { caller, idempotencyKey: { key: randomUUID(), method: 'POST', path: '/comments' } };
    const send = (bodyMarkdown: string) => fixture.service.request(AddComment, { key: 'DEMO-16', bodyMarkdown }, keyed);
    await send('Daily');
    const [{ message_id: messageId }] = (await inJira('SELECT message_id FROM jira.writes WHERE ticket_key = $1', [
      'DEMO-16',
    ])) as [{ message_id: string }];
    await age(messageId, '25 hours');
    Object.assign(fixture.jira.store.get('DEMO-16').comments[0] ?? {}, { created: '2026-01-01T00:00:00.000+0000' });

    fixture.jira.fault({ kind: 'reset', path: '/comment' });
    await expect(send('Another day')).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    fixture.jira.fault(null);
    const begun = await inJira('SELECT done_at FROM jira.writes WHERE message_id = $1', [messageId]);
    await send('Another day');
    await send('Another day');

    expect(begun).toEqual([{ done_at: null }]);

    const written = fixture.jira.store.get('DEMO-16').comments.map(({ body }) => JSON.stringify(body));
    expect(written).toEqual([expect.stringContaining('Daily'), expect.stringContaining('Another day')]);
  });

  it('writes the comment when the crash came before it reached Jira', async () => {
    const messageId = uuidv7();
    fixture.jira.fault({ kind: 'reset', path: '/comment' });
    await expect(comment('DEMO-12', 'Late', messageId)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    fixture.jira.fault(null);

    await comment('DEMO-12', 'Late', messageId);

    expect(fixture.jira.store.get('DEMO-12').comments).toHaveLength(1);
  });

  it.each([
    ['5xx', 'UPSTREAM_FAILED'],
    ['401', 'UPSTREAM_REFUSED'],
    ['429', 'UPSTREAM_UNAVAILABLE'],
    ['reset', 'UPSTREAM_UNAVAILABLE'],
    ['garbage', 'UPSTREAM_FAILED'],
  ] as const)('answers %s of Jira with %s', async (kind, code) => {
    fixture.jira.fault({ kind });

    const asked = fixture.service.request(ListTransitions, { key: 'DEMO-1' }, { caller, timeoutMs: 2_000 });

    await expect(asked).rejects.toMatchObject({ code, details: { upstream: 'jira' } });
  });

  it('answers a Jira that hangs by the deadline', async () => {
    fixture.jira.fault({ kind: 'latency', delayMs: 3_000 });

    const asked = fixture.service.request(ListTransitions, { key: 'DEMO-1' }, { caller, timeoutMs: 1_500 });

    await expect(asked).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT', details: { upstream: 'jira' } });
  });

  it('needs the permission to write', async () => {
    const reader = testCaller({ projectId: fixture.projects['DEMO'], roles: ['pm'] });

    const asked = fixture.service.request(AddComment, { key: 'DEMO-1', bodyMarkdown: 'x' }, { caller: reader });

    await expect(asked).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
