import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError, EXIT_CODES } from './errors.js';
import type { Context } from './output.js';

/** `qa-pms token`: signs in and prints the access token, and nothing else. */
export async function printToken(
  options: { url: string; username: string; password?: string },
  { file, output }: Context,
): Promise<void> {
  const { url, username } = options;
  const password = options.password ?? (await demoPassword(username, file));
  let response: Response;
  try {
    response = await fetch(`${url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password }),
    });
  } catch (error) {
    throw new CliError(
      `${url} cannot be reached: is it running? (${String((error as Error).cause ?? error)})`,
      EXIT_CODES.unavailable,
    );
  }
  const answer = (await response.json().catch(() => null)) as { accessToken?: unknown; error?: unknown } | null;
  if (!response.ok && typeof answer?.error === 'string') throw new CliError(answer.error);
  if (!response.ok || typeof answer?.accessToken !== 'string')
    throw new CliError(
      `${url} answers with status ${String(response.status)}, and not what our gateway says: look at --url.`,
    );
  const { accessToken } = answer;
  await output.print({ accessToken }, () => accessToken);
}

async function demoPassword(username: string, config: string | null): Promise<string> {
  // Only then: it loads every service.
  const { dataFolder } = await import('./data-folder.js');
  const file = join(await dataFolder(config), 'demo-users.json');
  const logins = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as { username: string; password: string }[],
    () => [],
  );
  const login = logins.find((one) => one.username === username);
  if (!login)
    throw new CliError(
      `No password for ${username} in ${file}: give one with --password or QA_PMS_PASSWORD.`,
      EXIT_CODES.usage,
    );
  return login.password;
}
