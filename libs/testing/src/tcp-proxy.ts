import { connect, createServer, type Socket } from 'node:net';

/** A TCP connection to somewhere else that can be made to misbehave while it is in use. */
export interface TcpProxy {
  port: number;
  /** Bytes pass at once, those too that were held back. */
  pass: () => void;
  /** Bytes are taken and held back, in both directions, on old connections and new ones. */
  stall: () => void;
  /** Each piece of what the server says comes so much later. */
  slow: (milliseconds: number) => void;
  /** Old connections are reset, new ones are closed at once. */
  refuse: () => void;
  stop: () => Promise<void>;
}

type Mode = { name: 'pass' | 'stall' | 'refuse' } | { name: 'slow'; milliseconds: number };

/** Starts a proxy on a free port of loopback, which passes until it is told otherwise. */
export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let mode: Mode = { name: 'pass' };
  const sockets = new Set<Socket>();
  let held: (() => void)[] = [];
  const forward = (from: Socket, to: Socket, slowed: boolean): void => {
    from.on('data', (bytes) => {
      const write = (): void => void to.write(bytes);
      if (mode.name === 'stall') held.push(write);
      else if (mode.name === 'slow' && slowed) setTimeout(write, mode.milliseconds);
      else write();
    });
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    sockets.add(from);
  };
  const server = createServer((client) => {
    if (mode.name === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target);
    forward(client, upstream, false);
    forward(upstream, client, true);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reset = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const { port } = server.address() as { port: number };
  return {
    port,
    pass: () => {
      mode = { name: 'pass' };
      for (const write of held) write();
      held = [];
    },
    stall: () => {
      mode = { name: 'stall' };
    },
    slow: (milliseconds) => {
      mode = { name: 'slow', milliseconds };
    },
    refuse: () => {
      mode = { name: 'refuse' };
      reset();
    },
    stop: () => {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
