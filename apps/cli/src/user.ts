import { startAllInOne } from '@qa-pms/all-in-one';
import { CreateUser } from '@qa-pms/contracts';
import { MessageBus, processEnvironment, runAsSystem } from '@qa-pms/platform';
import { text } from 'node:stream/consumers';
import { CliError, EXIT_CODES } from './errors.js';

/** `qa-pms user create`: works on the database itself, so that it can make the first administrator. */
export async function createUser(username: string, options: { name?: string; email?: string; role: string[] }): Promise<void> {
  if (process.stdin.isTTY) process.stderr.write('Password, then Ctrl+D: ');
  const password = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (password === '') throw new CliError('Give the password on standard input.', EXIT_CODES.usage);
  const environment = { ...processEnvironment(), DEMO: 'false', TARGET: 'identity', PORT: '0', LOG_LEVEL: 'error' };
  const { running, stop } = await startAllInOne(environment, () => undefined);
  try {
    const identity = running.services.find(({ name }) => name === 'identity');
    if (!identity) throw new CliError('The identity service did not start.');
    const bus = identity.app.get(MessageBus);
    const payload = { username, displayName: options.name ?? username, email: options.email ?? null, password, roles: options.role };
    const user = await runAsSystem({}, () => bus.request(CreateUser, payload));
    process.stdout.write(`created ${user.username} (${user.roles.join(', ')})\n`);
  } finally {
    await stop('done');
  }
}
