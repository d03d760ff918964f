import { text } from 'node:stream/consumers';
import { CreateUser } from '@qa-pms/contracts';
import { runAsSystem } from '@qa-pms/platform';
import { withBus } from './bus.js';
import { CliError, EXIT_CODES } from './errors.js';
import type { Context } from './output.js';

/** `qa-pms user create`: acts as the system, so that it can make the first administrator. */
export async function createUser(
  username: string,
  options: { name?: string; email?: string; role: string[] },
  { file, output }: Context,
): Promise<void> {
  if (process.stdin.isTTY) process.stderr.write('Password, then Ctrl+D: ');
  const password = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (password === '') throw new CliError('Give the password on standard input.', EXIT_CODES.usage);
  const { name = username, email = null, role: roles } = options;
  await withBus(file, async (bus) => {
    const user = await runAsSystem({}, () =>
      bus.request(CreateUser, { username, displayName: name, email, password, roles }),
    );
    const { id, roles: given } = user;
    await output.print({ id, username, roles: given }, () => `created ${username} (${given.join(', ')})`);
  });
}
