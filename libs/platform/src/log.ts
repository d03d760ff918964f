import { createRequire } from 'node:module';
import { format } from 'node:util';
import { type DestinationStream, type Level, type Logger, multistream, pino } from 'pino';
import type PinoPretty from 'pino-pretty';
import { findContext } from './context.js';
import { redactFacts } from './log/redact.js';
import { redactText } from './log/redact-text.js';
import { activeSpan } from './telemetry/spans.js';

/** Facts of a log line. */
export type Facts = Record<string, unknown>;

/** Told of each line that is written: its level, and the service whose line it is. */
export type LineListener = (level: Level, service: string) => void;

/** How the process's logger is made. */
export interface LogOptions {
  /** Least important level that is logged. */
  level: string;
  /** `json`, or `pretty` for a terminal. */
  format: string;
  /** Where lines go beside standard output. */
  file?: DestinationStream | null;
  /** Where lines go instead of standard output. */
  output?: DestinationStream;
}

/** What is known of a process's logger, beside itself. */
interface Known {
  /** Loggers below it, by service: pino gives a child the level of its birth and never looks again. */
  children: Map<string, Logger>;
  listeners: LineListener[];
}
const roots = new WeakMap<Logger, Known>();
const services = new WeakMap<Logger, string>();

/** The process's logger: JSON lines to standard output, or readable ones for a terminal. */
export function createRootLogger({ level, format, file = null, output = standardOutput(format) }: LogOptions): Logger {
  const listeners: LineListener[] = [];
  const root = pino(
    {
      level,
      base: undefined,
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }), log: redactFacts },
      // Redacted by the formatter already, with their causes and properties; pino's own serializer would repeat them.
      serializers: { err: (error: unknown) => error },
      mixin: contextFields,
      hooks: {
        logMethod(args, method, number) {
          for (const listen of listeners) listen(pino.levels.labels[number] as Level, services.get(this) ?? '');
          method.apply(this, withoutSecrets(args) as [string]);
        },
      },
    },
    // The logger's level decides alone; by default a stream would drop what is below info.
    file ? multistream([output, file].map((stream) => ({ stream, level: 'trace' as const }))) : output,
  );
  roots.set(root, { children: new Map(), listeners });
  return root;
}

function standardOutput(format: string): DestinationStream {
  if (format !== 'pretty') return (lines ??= linesOfATurn(pino.destination({ dest: 1, sync: true, minLength: 8_192 })));
  // Loaded only for a terminal: 1 MB of heap.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  const ignore = 'requestId,traceId,spanId';
  return pretty({ ignore, translateTime: 'SYS:HH:MM:ss', singleLine: true, sync: true });
}

/** As pino's own, made once a millisecond: under load that has several lines, and the text takes a fifth of each. */
function isoTime(): () => string {
  let [at, text] = [0, ''];
  return () => {
    const now = Date.now();
    if (now !== at) [at, text] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return text;
  };
}

/** Standard output, however many loggers write to it. */
let lines: DestinationStream | null = null;

/**
 * Writes the lines of one turn of the event loop together: under load a write for each would cost more than to make
 * it. Only a `kill -9` can lose lines, those of the turn that it hits.
 */
function linesOfATurn(output: ReturnType<typeof pino.destination>): DestinationStream {
  let isDue = false;
  let isGone = false;
  const flush = (): void => {
    isDue = false;
    if (!isGone) output.flush();
  };
  // A terminal that was closed, a pipe without a reader: what nobody can read must not end the process.
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EIO' && error.code !== 'EPIPE') throw error;
    isGone = true;
  });
  process.once('exit', flush);
  return {
    write: (line) => {
      if (isGone) return;
      output.write(line);
      if (isDue) return;
      isDue = true;
      setImmediate(flush);
    },
  };
}

/** Texts are constant where they are ours; those of libraries may hold anything. */
function withoutSecrets([first, ...rest]: unknown[]): [unknown, unknown?] {
  if (typeof first === 'string') return [textOf([first, ...rest])];
  const facts = first instanceof Error ? { err: first } : first;
  const { err } = (typeof facts === 'object' && facts !== null ? facts : {}) as { err?: unknown };
  // Without a text pino takes that of the error as it is.
  return [facts, textOf(rest.length === 0 && err instanceof Error ? [err.message] : rest)];
}

/** Formatted here rather than by pino: in its parts a secret may not be known as one. */
function textOf(parts: unknown[]): unknown {
  const [text] = parts.length > 1 ? [format(...parts.map(shownPart))] : parts;
  return typeof text === 'string' ? redactText(text) : text;
}

function shownPart(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  const shown = redactFacts({ part })['part'] as { type?: unknown; message?: unknown };
  return part instanceof Error ? `${String(shown.type)}: ${String(shown.message)}` : shown;
}

/** What ties a line to its request: on every line that is written while a message or an HTTP request is handled. */
function contextFields(): Facts {
  const context = findContext();
  if (!context) return traceFields();
  const { requestId, caller } = context;
  return { requestId, userId: caller.userId, projectId: caller.projectId, ...traceFields() };
}

/** Ids of the current span; nothing where no tracing runs. */
export function traceFields(): { traceId?: string; spanId?: string } {
  const span = activeSpan()?.spanContext();
  return span ? { traceId: span.traceId, spanId: span.spanId } : {};
}

/** Changes the least important level that is logged, at once and for every service of the process. */
export function setLevel(root: Logger, level: string): void {
  for (const logger of [root, ...(roots.get(root)?.children.values() ?? [])]) logger.level = level;
}

/** From now on `listener` is told of each line, for counting. It must be cheap, and must not log. */
export function onLogLine(root: Logger, listener: LineListener): void {
  roots.get(root)?.listeners.push(listener);
}

/** Log of one service. The text is constant, what varies are facts; request, user, project and trace come by themselves. */
export class Log {
  constructor(private readonly pino: Logger) {}

  error(facts: Facts, text: string): void {
    this.pino.error(facts, text);
  }

  warn(facts: Facts, text: string): void {
    this.pino.warn(facts, text);
  }

  info(facts: Facts, text: string): void {
    this.pino.info(facts, text);
  }

  debug(facts: Facts, text: string): void {
    this.pino.debug(facts, text);
  }

  /** Whether lines of a level are written, for facts that cost something to gather. */
  writes(level: Level): boolean {
    return this.pino.isLevelEnabled(level);
  }
}

/** pino's logger for a service, below the process's one. */
export function serviceLogger(root: Logger, service: string): Logger {
  const children = roots.get(root)?.children ?? new Map<string, Logger>();
  const child = children.get(service) ?? root.child({ service });
  children.set(service, child);
  services.set(child, service);
  return child;
}

/** A log for a service, below the process's logger. */
export function logFor(root: Logger, service: string): Log {
  return new Log(serviceLogger(root, service));
}
