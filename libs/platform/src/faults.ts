import { AppError } from '@qa-pms/contracts';

/** Node's and PostgreSQL's codes for "not reachable now": not the fault of the message that met it. */
const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/**
 * SQLSTATE classes: 08 connection, 53 resources (too many connections), 57P administrator or crash shutdown, 57014 given
 * up after database.query_timeout_ms, 25006 read-only (a failover under way).
 * https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const SQLSTATE = /^(08...|53...|57014|57P0[1-5]|25006)$/;

const DATABASE_TEXTS = [
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
  'Client was closed',
  'Query read timeout',
  'the database system is',
  'Cannot use a pool after calling end',
];

/** The error as the fault of the infrastructure that it is, or null where it is none. */
export function infrastructureFault(error: unknown): AppError | null {
  if (error instanceof AppError) {
    const codes = ['UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT', 'OVERLOADED', 'SHUTTING_DOWN'];
    return codes.includes(error.code) ? error : null;
  }
  // Those of Node's own modules are of another realm under Jest.
  if (!Error.isError(error)) return null;
  const code = (error as { code?: unknown }).code;
  // A server that is down has no Unix socket.
  const noSocket = code === 'ENOENT' && (error as { syscall?: unknown }).syscall === 'connect';
  const known = noSocket || (typeof code === 'string' && (CONNECTION_CODES.has(code) || SQLSTATE.test(code)));
  const inner: unknown = (error as { driverError?: unknown }).driverError ?? error.cause;
  if (known || DATABASE_TEXTS.some((text) => error.message.includes(text))) {
    return new AppError('UPSTREAM_UNAVAILABLE', { upstream: 'database' }, { cause: error });
  }
  return inner === undefined || inner === error ? null : infrastructureFault(inner);
}

/** Anything thrown as the AppError that its receiver gets; what is not expected becomes INTERNAL_ERROR. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return infrastructureFault(error) ?? new AppError('INTERNAL_ERROR', {}, { cause: error });
}
