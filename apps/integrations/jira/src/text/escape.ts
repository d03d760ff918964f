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
/** Some renderers (marked) link these in the middle of a word as well, with the signs behind them: entities end that. */
const UNLINKED = /(?<=https?|ftp):(?=\/\/)|(?<=www)\.(?=\S)/gi;
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

/**
 * Text as the label of a link, which holds no links of its own. Brackets are entities there: some renderers (marked) take
 * the backslash before one away and read the label once more, which made images of `!\[\](…)`.
 */
export function escapeLabel(text: string): string {
  const lines = text.split(/\r\n?|\n/).map((line) => escapeStart(escapeSigns(line.trim())));
  return lines.join('\\\n').replace(/\\\[/g, '&#91;').replace(/\\\]/g, '&#93;');
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
    result += `${unlinked(line.slice(at, match.index))}[${escapeLabel(address)}](${href})`;
    at = match.index + address.length;
  }
  result += unlinked(line.slice(at));
  return escapeStart(result);
}

function escapeStart(line: string): string {
  return line.replace(LINE_START, '\\$1').replace(NUMBERED, '$1\\$2');
}

/** Text that no renderer makes a link of. */
function unlinked(text: string): string {
  return escapeSigns(text).replace(UNLINKED, (sign) => `&#${String(sign.charCodeAt(0))};`);
}

function escapeSigns(text: string): string {
  return text
    .replace(ANYWHERE, '\\$&')
    .replace(UNDERSCORES, (run) => run.replaceAll('_', '\\_'))
    .replace(ENTITY, '&amp;')
    .replaceAll('<', '&lt;')
    .replace(MAIL_SIGN, '&#64;');
}
