import { type Command, CommanderError } from 'commander';
import { closest } from 'fastest-levenshtein';
import { CliError, EXIT_CODES } from './errors.js';
import { createProgram } from './program.js';

/** `qa-pms`: ends the process with the exit code of the command. */
export async function main(argv: string[]): Promise<void> {
  survivesItsReaders();
  const program = createProgram();
  // Not needed before: it reads every setting.
  const serve = program.commands.find((command) => command.name() === 'serve');
  if (argv.includes('serve') && serve) {
    const { knownSettings, settingsHelp } = await import('@qa-pms/platform/reference');
    serve.addHelpText('after', () => `\n${settingsHelp(knownSettings())}`);
  }
  try {
    refuseUnknown(program, argv);
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage);
    const { message, exitCode } = CliError.from(error);
    process.stderr.write(`qa-pms: ${message}\n`);
    process.exit(exitCode);
  }
}

/** A command does its work whole, and `serve` goes on, when nobody reads what they say (`qa-pms … | head`). */
function survivesItsReaders(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    process.stderr.write(`qa-pms: standard output cannot be written: ${message}\n`);
    process.exitCode = EXIT_CODES.failed;
  });
  process.stderr.on('error', () => undefined);
}

/** Without this a mistyped command would be taken for an argument of `serve`, the default. */
function refuseUnknown(program: Command, argv: string[]): void {
  const [word] = program.parseOptions(argv.slice(2)).operands;
  const names = [...program.commands.map((command) => command.name()), 'help'];
  if (word === undefined || names.includes(word)) return;
  process.stderr.write(
    `qa-pms: There is no command ${word}: did you mean ${closest(word, names)}? See qa-pms --help.\n`,
  );
  process.exit(EXIT_CODES.usage);
}
