import { once } from 'node:events';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { gzipSync } from 'node:zlib';

/** A server on 127.0.0.1 that counts what reaches it. */
export interface TestServer {
  url: string;
  port: number;
  /** Requests (or, of a plain TCP server, connections) so far. */
  seen: number;
  /** Connections now. */
  connections: number;
  /** Bytes of bodies written so far. */
  written: number;
  stop: () => Promise<void>;
}

async function listening(server: Server, protocol: string): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${protocol}://127.0.0.1:${String(port)}`,
    port,
    seen: 0,
    written: 0,
    get connections() {
      return sockets.size;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers requests with `listener`, which also gets their number (from 0) and the server. */
export async function httpServer(
  listener: (...args: [...Parameters<RequestListener>, number, TestServer]) => void,
): Promise<TestServer> {
  const server = createHttp((request, response) => {
    listener(request, response, started.seen++, started);
  });
  const started = await listening(server, 'http');
  return started;
}

/** The same with TLS, always `{"fine": true}`. */
export async function httpsServer(options: TlsOptions): Promise<TestServer> {
  const server = createHttps(options, (_request, response) => {
    started.seen += 1;
    response.end('{"fine": true}');
  });
  server.on('tlsClientError', () => undefined);
  const started = await listening(server, 'https');
  return started;
}

/** Writes bytes to whoever sends something, and then does as `end` says. */
export async function rawServer(bytes: string | Buffer, end: 'close' | 'reset' | 'stall'): Promise<TestServer> {
  const server = createTcp((socket) => {
    started.seen += 1;
    socket.once('data', () => {
      socket.write(bytes, () => {
        if (end === 'close') socket.end();
        if (end === 'reset') socket.resetAndDestroy();
      });
    });
  });
  const started = await listening(server, 'http');
  return started;
}

/** Writes a body of `total` bytes as fast as it is taken. */
export function endless(
  total: number,
  headers: Record<string, string> = {},
  status = 200,
): Parameters<typeof httpServer>[0] {
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  return (_request, response, _number, server) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    let sent = 0;
    const more = (): void => {
      while (!response.destroyed && sent < total) {
        sent += chunk.length;
        server.written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', more);
          return;
        }
      }
      if (!response.destroyed) response.end();
    };
    more();
  };
}

/** `size` bytes of JSON, gzipped: about a thousandth of that. */
export function gzipBomb(size: number): Buffer {
  return gzipSync(Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(size, 0x61), Buffer.from('"}')]));
}

/** Empty gzip members without end: they never decompress to a byte. */
export function emptyMembers(): Promise<TestServer> {
  const chunk = Buffer.concat(Array.from({ length: 3_000 }, () => gzipSync('')));
  return httpServer((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
}

/** A body that grows by a byte now and then, without end. */
export function drip(): Promise<TestServer> {
  return httpServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 5);
    response.on('close', () => {
      clearInterval(timer);
    });
  });
}

/** An address at which nothing listens. */
export async function nobody(): Promise<TestServer> {
  const server = await rawServer('', 'close');
  await server.stop();
  return { ...server, stop: () => Promise.resolve() };
}
