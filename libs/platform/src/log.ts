import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';
import { findContext } from './context.js';

/** Facts of a log line. */
export type Facts = Record<string, unknown>;

const REDACTED_KEYS = [
  'password',
  'authorization',
  'apiToken',
  'token',
  'accessToken',
  'secret',
  'cookie',
  'encryptionKey',
];

/** The process's logger: JSON lines to standard output, or readable ones for a terminal. */
export function createRootLogger(options: { level: string; format: string }): Logger {
  const redact = { paths: REDACTED_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' };
  const formatters = { level: (label: string) => ({ level: label }) };
  const settings = {
    level: options.level,
    base: undefined,
    redact,
    formatters,
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  if (options.format !== 'pretty') return pino(settings);
  const { formatters: _unused, ...rest } = settings;
  return pino({
    ...rest,
    transport: {
      target: 'pino-pretty',
      options: { ignore: 'requestId', translateTime: 'SYS:HH:MM:ss', singleLine: true },
    },
  });
}

/** Loggers below the process's one, by service: pino gives a child the level of its birth and never looks again. */
const children = new WeakMap<Logger, Map<string, Logger>>();

/** Changes the least important level that is logged, at once and for every service of the process. */
export function setLevel(root: Logger, level: string): void {
  for (const logger of [root, ...(children.get(root)?.values() ?? [])]) logger.level = level;
}

/** Log of one service. The text is constant, what varies are facts; request, user and project come by themselves. */
export class Log {
  constructor(private readonly pino: Logger) {}

  error(facts: Facts, text: string): void {
    this.pino.error(this.with(facts), text);
  }

  warn(facts: Facts, text: string): void {
    this.pino.warn(this.with(facts), text);
  }

  info(facts: Facts, text: string): void {
    if (this.pino.isLevelEnabled('info')) this.pino.info(this.with(facts), text);
  }

  debug(facts: Facts, text: string): void {
    if (this.pino.isLevelEnabled('debug')) this.pino.debug(this.with(facts), text);
  }

  private with(facts: Facts): Facts {
    const context = findContext();
    if (!context) return facts;
    const { requestId, caller } = context;
    return { requestId, userId: caller.userId, projectId: caller.projectId, ...facts };
  }
}

/** A log for a service, below the process's logger. */
export function logFor(root: Logger, service: string): Log {
  const known = children.get(root) ?? new Map<string, Logger>();
  const child = known.get(service) ?? root.child({ service });
  children.set(root, known.set(service, child));
  return new Log(child);
}

/** Nest's own lines in our form; its routine ones are of interest to developers only. */
export function nestLogger(log: Log): LoggerService {
  const write =
    (level: 'debug' | 'warn' | 'error') =>
    (message: unknown, ...rest: unknown[]) => {
      const detail = message instanceof Error ? (message.stack ?? message.message) : String(message);
      log[level]({ detail, context: rest.at(-1) }, 'framework');
    };
  return {
    log: write('debug'),
    debug: write('debug'),
    verbose: write('debug'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('error'),
  };
}
