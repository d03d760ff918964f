/** One thing that doctor looked at. */
export interface Finding {
  name: string;
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found, as a sentence. */
  message: string;
  /** What to do; null where nothing is to be done. */
  remedy: string | null;
}

export function ok(name: string, message: string): Finding {
  return { name, status: 'ok', message, remedy: null };
}
export function warning(name: string, message: string, remedy: string): Finding {
  return { name, status: 'warning', message, remedy };
}
export function failed(name: string, message: string, remedy: string): Finding {
  return { name, status: 'failed', message, remedy };
}
export function skipped(name: string, message: string): Finding {
  return { name, status: 'skipped', message, remedy: null };
}

/** An error in one line, without what a stack or a list would add. */
export function lineOf(error: unknown): string {
  const inner = (error as { errors?: unknown[] } | null)?.errors?.[0] ?? error;
  const { message, code } = inner as { message?: string; code?: string };
  const text = message === undefined || message === '' ? (code ?? String(inner)) : message;
  return text
    .replace(/^The configuration is not valid:\s*-?\s*/, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
