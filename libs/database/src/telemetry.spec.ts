import { describe as tests, expect, it } from '@jest/globals';
import { describe } from './telemetry.js';

tests('the labels of a statement', () => {
  it.each([
    ['SELECT * FROM workflow.workflows WHERE id = $1 FOR UPDATE', 'SELECT', 'workflow.workflows'],
    ['INSERT INTO "workflow"."outbox_messages" (id) VALUES ($1)', 'INSERT', 'workflow.outbox_messages'],
    ['UPDATE workflow.reports SET post_to_ticket = false WHERE id = $1', 'UPDATE', 'workflow.reports'],
    ['WITH a AS (SELECT key FROM x.rows WHERE at < now() FOR UPDATE) UPDATE x.rows SET b = 1', 'UPDATE', 'x.rows'],
    ['WITH a AS (SELECT now()) SELECT * FROM x.rows FOR UPDATE', 'SELECT', 'x.rows'],
    ['SELECT pg_advisory_xact_lock($1)', 'SELECT', 'none'],
  ])('of %s are %s and %s', (sql, operation, entity) => {
    expect(describe(sql)).toEqual({ operation, entity });
  });
});
