import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';

/**
 * Systems give out ports from 32768 on (others from 49152 on) to whoever asks for any, and to every connection: one of
 * those could be somebody else's until it is used, or while its server is down.
 */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const TRIES = 100;

/** A port of 127.0.0.1 that was free a moment ago, and that nobody is given without asking for it by its number. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** Several different free ports: they are all held until the last is found. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, holdPort));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => {
            resolve();
          });
        }),
    ),
  );
  return ports;
}

async function holdPort(): Promise<Server> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await listenOn(randomInt(LOWEST, HIGHEST + 1));
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve(server);
    });
  });
}
