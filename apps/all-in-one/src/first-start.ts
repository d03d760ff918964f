import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@qa-pms/platform';

/** One user of the demonstration, as kept in `.data/demo-users.json`. */
export interface DemoLogin {
  username: string;
  password: string;
  roles: string[];
}

/** A start writes at least a segment of PostgreSQL's log (16 MB), and its server stops where it cannot. */
const ROOM_MB = 32;

/** Makes the data folder, for its owner only. Throws where it cannot be written, or its disk is full. */
export async function prepareDataFolder(dataDir: string): Promise<void> {
  try {
    makeFolder(dataDir, 0o700);
    await writeFile(join(dataDir, '.writable'), '');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The data folder ${dataDir} cannot be written (${reason}): choose another with DATA_DIR.`, {
      cause: error,
    });
  }
  const { bavail, bsize } = await statfs(dataDir);
  const left = Math.floor((bavail * bsize) / 1024 / 1024);
  if (left >= ROOM_MB) return;
  throw new Error(
    `The disk of the data folder ${dataDir} is full (${String(left)} MB left, a start needs ${String(ROOM_MB)}): ` +
      'make room, or choose another folder with DATA_DIR.',
  );
}

/** A new master key: 256 random bits in hex. */
export function newMasterKey(): string {
  return randomBytes(32).toString('hex');
}

/** The master key of this data folder; null where none has been made yet. */
export async function keptMasterKey(dataDir: string): Promise<string | null> {
  return readFile(join(dataDir, 'master.key'), 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

/** The master key of this data folder, made at the first start. */
export async function masterKey(dataDir: string): Promise<string> {
  return (await keptOnce(join(dataDir, 'master.key'), newMasterKey)).trim();
}

/** Passwords of the demonstration's users, made at the first start. */
export async function demoLogins(
  dataDir: string,
  users: { username: string; roles: string[] }[],
): Promise<DemoLogin[]> {
  const made = (): string => {
    const logins = users.map(({ username, roles }) => ({
      username,
      password: randomBytes(12).toString('base64url'),
      roles,
    }));
    return `${JSON.stringify(logins, null, 2)}\n`;
  };
  return JSON.parse(await keptOnce(join(dataDir, 'demo-users.json'), made)) as DemoLogin[];
}

async function keptOnce(path: string, make: () => string): Promise<string> {
  if (!existsSync(path)) await writeFile(path, `${make().trimEnd()}\n`, { mode: 0o600, flag: 'wx' });
  return readFile(path, 'utf8');
}
