import { startAllInOne } from '@qa-pms/all-in-one';
import {
  Configuration,
  EXIT,
  processEnvironment,
  reloadConfiguration,
  stopOnSignals,
  stopsAtHangup,
} from '@qa-pms/platform';
import type { Context } from './output.js';

/** `qa-pms serve`: starts, says where and what to try, and stops on a signal. */
export async function serve(options: { port?: string }, { file, output }: Context): Promise<void> {
  const environment = processEnvironment();
  if (options.port !== undefined) environment['PORT'] = options.port;
  const configuration = await Configuration.load({ environment, file });
  // A person reads it: a line for each request and message would hide what to do next. Log files keep them.
  const isQuiet = process.stdout.isTTY && !configuration.has('log.file.folder') && !configuration.has('log.level');
  if (process.stdout.isTTY) configuration.provide({ LOG_FORMAT: 'pretty' }, 'for a terminal');
  if (isQuiet) configuration.provide({ LOG_LEVEL: 'warn' }, 'for a terminal');
  const started = { at: Date.now(), done: false };
  const say = (line: string): void => {
    output.note(line);
  };

  const starting = startAllInOne(configuration, (line) => {
    say(`  ${line}`);
  });
  // A start that waits (for Kafka) may never end: the embedded PostgreSQL stops when this process does.
  const stop = (reason: string): Promise<boolean> =>
    started.done ? starting.then((running) => running.stop(reason)) : Promise.resolve(true);
  stopOnSignals(stop, EXIT.fault);
  if (!stopsAtHangup())
    process.on('SIGHUP', () => void starting.then(({ running }) => reloadConfiguration(running.runtime)));

  const { url, demo, databaseLost } = await starting;
  started.done = true;
  // Nobody else can bring it back, and who watches this process learns it by its end.
  void databaseLost.then(async ({ message }) => {
    process.stderr.write(`qa-pms: The embedded database ended and cannot be started again. ${message}\n`);
    await stop('database lost');
    process.exit(EXIT.unavailable);
  });
  if (output.form !== 'text') {
    const users = demo ? { users: demo.logins.map(({ username }) => username), passwords: demo.file } : {};
    await output.print({ url, documentation: `${url}/docs`, ...users }, () => '');
    return;
  }
  say('');
  say(`QA Intelligent PMS is ready after ${((Date.now() - started.at) / 1_000).toFixed(1)} s at ${url}`);
  say(`  API documentation  ${url}/docs`);
  if (demo) {
    say(`  Users              ${demo.logins.map(({ username }) => username).join(', ')}`);
    say(`  Passwords          ${demo.file}`);
    // What is not a terminal may be kept as a log, and secrets are in none.
    if (process.stdout.isTTY)
      for (const { username, password, roles } of demo.logins)
        say(`    ${username.padEnd(10)} ${password}  ${roles.join(', ')}`);
    say('');
    say('Try this first, in another terminal:');
    say(`  TOKEN=$(npx qa-pms token --url ${url} --username qa)`);
    say(`  curl -s ${url}/api/v1/tickets?status=ready_for_qa -H "Authorization: Bearer $TOKEN"`);
  } else {
    say('  Make the first administrator with: npx qa-pms user create <name>');
  }
  say('');
  if (isQuiet) say('Warnings and faults follow here; with LOG_LEVEL=info every request, too.');
  say('Ctrl+C stops it; the data is kept.');
}
