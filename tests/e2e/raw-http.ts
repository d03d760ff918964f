import { connect } from 'node:net';
import type { Reaction } from './attack.js';

/** What came back for raw bytes; null: the connection was closed without an answer. */
export async function exchange(url: string, bytes: Buffer, limitMs: number): Promise<Reaction | null> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  // Bytes that are refused early may meet a closed connection.
  socket.on('error', () => undefined);
  socket.setTimeout(limitMs, () => socket.destroy(new Error('no answer in time')));
  socket.end(bytes);
  const inTime = await new Promise<boolean>((resolve) => {
    socket.once('timeout', () => {
      resolve(false);
    });
    socket.once('close', () => {
      resolve(true);
    });
  });
  if (!inTime) throw new Error(`no answer within ${String(limitMs)} ms`);
  return received.length === 0 ? null : parsed(received.toString('utf8'));
}

/** The first answer of what was received. */
function parsed(received: string): Reaction {
  const [head = '', ...rest] = received.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = rest.join('\r\n\r\n');
  const length = Number(headers['content-length'] ?? body.length);
  const text = Buffer.from(body, 'utf8').subarray(0, length).toString('utf8');
  return { status: Number(statusLine.split(' ')[1]), headers, text };
}
