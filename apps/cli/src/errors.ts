/** What the exit code says; shown by `qa-pms --help`. 69 and 78 are EX_UNAVAILABLE and EX_CONFIG of sysexits.h. */
export const EXIT_CODES = { ok: 0, failed: 1, usage: 2, unavailable: 69, configuration: 78 } as const;

/** The same for people. */
export const EXIT_HELP =
  'Exit codes: 0 done, 1 failed, 2 wrong usage, 69 something needed cannot be reached, 78 wrong configuration.';

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET']);

/** An error of a command, in one sentence, with its exit code. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = EXIT_CODES.failed,
  ) {
    super(message);
    this.name = 'CliError';
  }

  /** Anything thrown as what its reader gets. */
  static from(error: unknown): CliError {
    if (error instanceof CliError) return error;
    if (!(error instanceof Error)) return new CliError(String(error));
    const { name, message, cause } = error;
    if (name === 'SettingsError') return new CliError(message, EXIT_CODES.configuration);
    if (name === 'AppError' && (error as { code?: unknown }).code === 'UPSTREAM_UNAVAILABLE') {
      const upstream = String((error as { details?: { upstream?: unknown } }).details?.upstream);
      return new CliError(`${upstream} cannot be reached: is it running? qa-pms doctor looks.`, EXIT_CODES.unavailable);
    }
    const code = (error as { code?: unknown }).code ?? (cause as { code?: unknown } | undefined)?.code;
    if (code === 'EADDRINUSE') return new CliError(message, EXIT_CODES.unavailable);
    if (code === 'ENOSPC') return new CliError(`The disk is full (${message}): make room, and try again.`);
    // undefined_table, invalid_schema_name: https://www.postgresql.org/docs/18/errcodes-appendix.html
    if (code === '42P01' || code === '3F000')
      return new CliError(`The tables are not all there (${message}): apply the migrations with qa-pms migrate run.`);
    if (typeof code === 'string' && UNREACHABLE.has(code))
      return new CliError(
        message.includes('is it running?') ? message : `${message || code}: is it running?`,
        EXIT_CODES.unavailable,
      );
    return new CliError(message);
  }
}
