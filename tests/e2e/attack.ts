import { ERRORS, type ErrorCode } from '@qa-pms/contracts';
import { Pool } from 'undici';
import type { Documented } from './documented.js';

/** An answer to an attack, whole. */
export interface Reaction {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface Attack {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** No answer may take longer, whatever was sent. */
const LIMIT_MS = 10_000;
/** Words that only a stack, a statement or a path of ours would have. */
const LEAKS = /node_modules|\n\s+at \S|syntax error at or near|relation "|column "|violates \w+ constraint/;

/** Sends attacks and collects what is wrong with the answers. */
export class Attacker {
  readonly problems: string[] = [];
  sent = 0;
  private readonly pool: Pool;

  constructor(
    url: string,
    private readonly documented: Documented,
  ) {
    this.pool = new Pool(url, { connections: 24, headersTimeout: LIMIT_MS, bodyTimeout: LIMIT_MS });
  }

  /** Sends it, checks the answer, and hands it back; null where none came. `what` names it where something is wrong. */
  async send(what: string, { method, path, headers = {}, body }: Attack): Promise<Reaction | null> {
    this.sent += 1;
    try {
      const answer = await this.pool.request({
        method,
        path,
        headers,
        ...(body !== undefined && { body }),
      });
      const reaction = { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
      const missing = this.documented.missing(method, path, reaction);
      const faults = [...faultsOf(reaction), ...(missing === null ? [] : [missing])];
      this.problems.push(...faults.map((fault) => `${what}: ${fault}`));
      return reaction;
    } catch (error) {
      this.problems.push(`${what}: no answer: ${String(error)}`);
      return null;
    }
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

/** What is wrong with an answer, of whatever status. */
export function faultsOf({ status, headers, text }: Reaction): string[] {
  const type = String(headers['content-type'] ?? '');
  const seen = `${String(status)} ${type} ${text.slice(0, 300)}`;
  if (status >= 500 || status < 200) return [`answered ${seen}`];
  if (LEAKS.test(text)) return [`leaks ${seen}`];
  if (status < 400) {
    const isFile = String(headers['content-disposition'] ?? '').startsWith('attachment;');
    return type === '' || type.startsWith('application/json') || isFile ? [] : [`is no data: ${seen}`];
  }
  return isErrorContract(status, type, text) ? [] : [`breaks the error contract: ${seen}`];
}

function isErrorContract(status: number, type: string, text: string): boolean {
  if (!type.startsWith('application/json')) return false;
  const body = JSON.parse(text) as Record<string, unknown>;
  const { error, code, details, requestId, traceId } = body;
  const { violations } = (details ?? {}) as { violations?: unknown[] };
  return (
    Object.keys(body).sort().join() === 'code,details,error,requestId,traceId' &&
    typeof error === 'string' &&
    error !== '' &&
    ERRORS[code as ErrorCode].status === status &&
    typeof details === 'object' &&
    (code !== 'VALIDATION_ERROR' || (violations?.length ?? 0) > 0) &&
    typeof requestId === 'string' &&
    (traceId === null || typeof traceId === 'string')
  );
}
