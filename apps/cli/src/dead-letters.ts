import { setTimeout as sleep } from 'node:timers/promises';
import { type DeadLetter, DeadLetters, type DatabaseSettings } from '@qa-pms/database';
import { type InstallationDatabase, servicesWithDatabase, withDatabase, withDataSource } from './database.js';
import { CliError, EXIT_CODES } from './errors.js';
import { type Context, table } from './output.js';

const POLL_MS = 250;

/** A dead letter as the command line names it: `workflow/12`. */
type Listed = { id: string; service: string } & Omit<DeadLetter, 'sequence'>;

/** `qa-pms dead-letters list`. */
export async function listDeadLetters({ service }: { service?: string }, { file, output }: Context): Promise<void> {
  const letters = await withDatabase(file, ({ settings }) => all(service ?? null, settings));
  await output.print(letters, () => {
    if (letters.length === 0) return 'There are no dead letters.';
    const rows = letters.map((letter) => [
      letter.id,
      letter.createdAt.toISOString(),
      letter.topic,
      letter.key,
      letter.replayRequestedAt === null ? (letter.error ?? '(follows an earlier one)') : '(replay was asked for)',
    ]);
    return table(['id', 'since', 'topic', 'key', 'error'], rows);
  });
}

/** `qa-pms dead-letters show <id>`. */
export async function showDeadLetter(id: string, { file, output }: Context): Promise<void> {
  const letter = await withLetters(id, file, async (letters, sequence) => letters.find(sequence));
  if (!letter) throw unknown(id);
  const { sequence: _sequence, body, ...facts } = letter;
  const shown = { id, ...facts, body: parsed(body) };
  await output.print(shown, () => {
    const { headers, body: content, ...rest } = shown;
    const lines = Object.entries({ ...rest, createdAt: rest.createdAt.toISOString() });
    const text = lines.map(([name, value]) => `${name.padEnd(18)} ${String(value ?? '-')}`);
    return [...text, 'headers', indented(headers), 'body', indented(content)].join('\n');
  });
}

/** `qa-pms dead-letters replay [id]`: asks the running service, waits, and says what became of it. */
export async function replayDeadLetters(
  id: string | undefined,
  options: { all?: boolean; service?: string; wait: number },
  { file, output }: Context,
): Promise<void> {
  if ((id === undefined) === (options.all !== true))
    throw new CliError('Say which one (its id), or --all.', EXIT_CODES.usage);
  const results: { id: string; replayed: number; error: string | null }[] = [];
  await withDatabase(file, async (database) => {
    refuseWithoutService(database);
    const { settings } = database;
    const ids = id === undefined ? onePerKey(await all(options.service ?? null, settings)) : [id];
    const progress = output.progress('replaying');
    for (const [index, one] of ids.entries()) {
      progress.at(index, ids.length);
      results.push(await replayKey(one, settings, options.wait));
    }
    progress.done();
  });
  await output.print(results, () => {
    if (results.length === 0) return 'There are no dead letters.';
    return results
      .map(
        (one) =>
          `${one.id}: ${String(one.replayed)} replayed${one.error === null ? '' : `, then refused: ${one.error}`}`,
      )
      .join('\n');
  });
  const refused = results.filter(({ error }) => error !== null).length;
  if (refused > 0)
    throw new CliError(
      `${String(refused)} of ${String(results.length)} keys were refused again and wait: mend the cause and replay, or drop.`,
    );
}

/** `qa-pms dead-letters drop <id…>`. */
export async function dropDeadLetters(ids: string[], { file, output }: Context): Promise<void> {
  for (const id of ids)
    await withLetters(id, file, async (letters, sequence) => {
      if (!(await letters.find(sequence))) throw unknown(id);
      await letters.drop(sequence);
    });
  await output.print({ dropped: ids }, () => ids.map((id) => `dropped ${id}`).join('\n'));
}

async function replayKey(
  id: string,
  settings: DatabaseSettings,
  waitSeconds: number,
): Promise<{ id: string; replayed: number; error: string | null }> {
  const [service, sequence] = parts(id);
  return withDeadLetters(service, settings, async (letters) => {
    const asked = await letters.requestReplay(sequence);
    if (asked.length === 0) throw unknown(id);
    let patienceUntil = Date.now() + waitSeconds * 1_000;
    let before = asked.length;
    for (;;) {
      const { left, refused, error } = await letters.replayState(asked);
      if (left === 0 || refused) return { id, replayed: asked.length - left, error: left === 0 ? null : (error ?? '') };
      if (left < before) patienceUntil = Date.now() + waitSeconds * 1_000;
      before = left;
      if (Date.now() > patienceUntil) {
        throw new CliError(
          `${service} has not replayed ${id} within ${String(waitSeconds)} s: is it running? It will do so once it does.`,
          EXIT_CODES.unavailable,
        );
      }
      await sleep(POLL_MS);
    }
  });
}

function refuseWithoutService({ state, dataDir }: InstallationDatabase): void {
  if (state !== 'started') return;
  throw new CliError(
    `Nothing runs on ${dataDir}, and a replay is done by the running service: start it (npm start) and try again.`,
    EXIT_CODES.unavailable,
  );
}

async function all(service: string | null, settings: DatabaseSettings): Promise<Listed[]> {
  const found: Listed[] = [];
  for (const { name } of servicesWithDatabase(service)) {
    const letters = await withDeadLetters(name, settings, (one) => one.list());
    found.push(...letters.map(({ sequence, ...facts }) => ({ id: `${name}/${sequence}`, service: name, ...facts })));
  }
  return found;
}

/** The first of each key: a replay takes all that follow it. */
function onePerKey(letters: Listed[]): string[] {
  const first = new Map<string, string>();
  for (const { id, service, topic, key } of letters) {
    const place = `${service} ${topic} ${key}`;
    if (!first.has(place)) first.set(place, id);
  }
  return [...first.values()];
}

function withLetters<T>(
  id: string,
  file: string | null,
  work: (letters: DeadLetters, sequence: string) => Promise<T>,
): Promise<T> {
  const [service, sequence] = parts(id);
  return withDatabase(file, ({ settings }) => withDeadLetters(service, settings, (letters) => work(letters, sequence)));
}

async function withDeadLetters<T>(
  name: string,
  settings: DatabaseSettings,
  work: (letters: DeadLetters) => Promise<T>,
): Promise<T> {
  const [service] = servicesWithDatabase(name);
  return withDataSource(service!, settings, (dataSource) =>
    work(new DeadLetters(dataSource, service!.database.schema, name, () => undefined)),
  );
}

function parts(id: string): [service: string, sequence: string] {
  const [, service = '', sequence = ''] = /^([a-z-]+)\/(\d{1,18})$/.exec(id) ?? [];
  if (service === '')
    throw new CliError(
      `${id} is no id of a dead letter: they look like workflow/12, and list names them.`,
      EXIT_CODES.usage,
    );
  return [service, sequence];
}

function unknown(id: string): CliError {
  return new CliError(`There is no dead letter ${id}: see qa-pms dead-letters list.`);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function indented(value: unknown): string {
  return JSON.stringify(value, null, 2)
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
