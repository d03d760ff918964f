import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export const ROOT = join(import.meta.dirname, '../..');
export const CLI = join(ROOT, 'apps/cli/bin/qa-pms.js');

/** What a program of ours said, and how it ended. */
export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs a program of ours to its end, in an environment of its own. */
export async function run(
  args: string[],
  { environment = {}, input = '', cwd = ROOT }: { environment?: Record<string, string>; input?: string; cwd?: string },
): Promise<Ended> {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, args, { cwd, env: { PATH, ...environment }, stdio: 'pipe' });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, out, err };
}

/** `qa-pms` with these arguments and settings. */
export function qaPms(args: string[], environment: Record<string, string> = {}, input = ''): Promise<Ended> {
  return run([CLI, ...args], { environment, input });
}
