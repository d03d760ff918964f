import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe as tests, expect, it } from '@jest/globals';
import pg from 'pg';
import { describe, measuredClient } from './telemetry.js';

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

/** A message of PostgreSQL's: https://www.postgresql.org/docs/18/protocol-message-formats.html */
function messageOf(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

tests('a connection whose server dies the moment that it is there', () => {
  it('fails its statements, and nothing else', async () => {
    const fault = Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0');
    const server = createServer((socket) => {
      // All in one packet, so that nobody can have listened in between.
      const answer = [messageOf('R', Buffer.alloc(4)), messageOf('Z', Buffer.from('I')), messageOf('E', fault)];
      socket.once('data', () => socket.end(Buffer.concat(answer)));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'toy', Client: measuredClient('toy') });

    const client = await pool.connect();
    const refused = await client.query('SELECT 1').catch((error: unknown) => error);
    client.release(true);
    await pool.end();
    server.close();

    expect(refused).toMatchObject({ message: expect.stringMatching(/not queryable|terminated/i) });
  });
});
