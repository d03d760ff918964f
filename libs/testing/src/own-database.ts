import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@qa-pms/database/embedded';
import { createDatabase, type TestDatabase } from './test-database.js';

/** A database in a server of its own, which a test may take away. */
export interface OwnDatabase extends TestDatabase {
  /** Ends the server as a crash would. `restart` brings it back on its port with its data. */
  kill: () => Promise<void>;
  restart: () => Promise<void>;
  /** Connections stay open and nothing answers any more, until `thaw`. */
  freeze: () => void;
  thaw: () => void;
}

/** Starts a PostgreSQL server for this test alone: what is done to it troubles no other one. */
export async function startOwnDatabase(): Promise<OwnDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), 'qa-pms-own-'));
  let server = await startEmbeddedPostgres({ dataDir, persistent: true });
  const { port } = server;
  const { url } = await createDatabase(server.adminUrl, 'own');
  /** The server, which is told last, stands still meanwhile: else one could be started after they are listed, or end. */
  const signal = (name: NodeJS.Signals): void => {
    process.kill(server.pid, 'SIGSTOP');
    for (const pid of childrenOf(server.pid)) process.kill(pid, name);
    process.kill(server.pid, name);
  };
  return {
    url,
    kill: async () => {
      signal('SIGKILL');
      await server.stop();
    },
    restart: async () => {
      server = await startEmbeddedPostgres({ dataDir, port, persistent: true });
    },
    freeze: () => {
      signal('SIGSTOP');
    },
    thaw: () => {
      signal('SIGCONT');
    },
    stop: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL puts each of its processes into a group of its own: a signal to the server's reaches one of them. */
function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
