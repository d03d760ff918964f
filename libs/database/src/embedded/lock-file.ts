import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who owns an embedded cluster. */
export const SUPERUSER = 'postgres';

/** What the lock file of a cluster says: https://www.postgresql.org/docs/18/storage-file-layout.html */
export interface LockFile {
  pid: number;
  port: number;
  /** Whether the server takes connections. */
  ready: boolean;
}

/** Null where there is none; the server that wrote it may have died since. */
export function readLockFile(cluster: string): LockFile | null {
  let lines: string[];
  try {
    lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return null;
  }
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a folder holds an embedded cluster. */
export function holdsCluster(dataDir: string): boolean {
  return existsSync(join(dataDir, 'initialised'));
}

/** The URL of the superuser of a server that runs on this folder, in whatever process; null where none does. */
export function runningAdminUrl(dataDir: string): string | null {
  const lock = readLockFile(join(dataDir, 'cluster'));
  if (!lock?.ready || !isAlive(lock.pid)) return null;
  const password = readFileSync(join(dataDir, 'password'), 'utf8').trim();
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${String(lock.port)}/postgres`;
}
