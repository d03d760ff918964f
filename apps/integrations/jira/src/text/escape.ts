/** Characters that begin something in Markdown wherever they stand. */
const ANYWHERE = /[\\`*[\]~|]/g;
/** Underscores do so only at the edge of a word: snake_case stays readable. */
const UNDERSCORES = /(?<![\p{L}\p{N}_])_+|_+(?![\p{L}\p{N}_])/gu;
/** What begins a block at the start of a line: headings, lists, quotes, rules, underlines of headings, tables. */
const LINE_START = /^([#+\-=>:])/;
const NUMBERED = /^(\d+)([.)])(?=\s|$)/;
/** Addresses would become links by themselves, with our backslashes in them. */
const ADDRESS = /\b(?:https?:\/\/|www\.)[^\s<>"'`\\^{}|]+/gi;
/** An ampersand that would begin an entity. */
const ENTITY = /&(?=#?\w+;)/g;
const TRAILING = /[.,;:!?*_~'")\]]+$/;
/** Renderers make links of mail addresses too; a joined entity keeps them text. */
const MAIL_SIGN = /(?<=[\w.+-])@(?=[\w-])/g;

/**
 * Text as inline Markdown that renders as the same text: no markup and no HTML comes to life; web addresses become
 * links. A line break in it stays one.
 */
export function escapeText(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  return lines.map((line) => escapeLine(line.trim())).join('\\\n');
}

/** Whole plain text as Markdown: blank lines part paragraphs. */
export function textToMarkdown(text: string): string {
  const paragraphs = text.replace(/\r\n?/g, '\n').split(/\n[^\S\n]*\n\s*/);
  return paragraphs
    .map((paragraph) => escapeText(paragraph.trim()))
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

/** The address as a link may carry it: http, https or mailto only; null for anything else. */
export function safeHref(address: unknown): string | null {
  if (typeof address !== 'string') return null;
  try {
    const url = new URL(address.trim());
    if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) return null;
    return url.href
      .replace(/[()<>\s\\`[\]|"']/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
      .replace(ENTITY, '&amp;');
  } catch {
    return null;
  }
}

function escapeLine(line: string): string {
  let result = '';
  let at = 0;
  for (const match of line.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, '');
    const href = safeHref(address.startsWith('www.') ? `http://${address}` : address);
    if (href === null) continue;
    result += `${escapeSigns(line.slice(at, match.index))}[${escapeSigns(address)}](${href})`;
    at = match.index + address.length;
  }
  result += escapeSigns(line.slice(at));
  return result.replace(LINE_START, '\\$1').replace(NUMBERED, '$1\\$2');
}

function escapeSigns(text: string): string {
  return text
    .replace(ANYWHERE, '\\$&')
    .replace(UNDERSCORES, (run) => run.replaceAll('_', '\\_'))
    .replace(ENTITY, '&amp;')
    .replaceAll('<', '&lt;')
    .replace(MAIL_SIGN, '&#64;');
}
