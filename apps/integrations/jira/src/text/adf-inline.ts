import { type AdfMark, type AdfNode, attribute, inlineWords } from './adf-node.js';
import { escapeLabel, escapeText, safeHref } from './escape.js';

const WRAPPERS: Record<string, string> = { strong: '**', em: '*', strike: '~~' };

/** Inline nodes as Markdown. */
export function inlineMarkdown(nodes: AdfNode[]): string {
  // What shows nothing would keep its neighbours apart, whose signs then stand side by side.
  const shown = nodes.filter((node) => oneInline(node) !== '');
  return joined(shown).map(oneInline).join('').trim();
}

/** Text between backticks, whatever it holds. */
function codeSpan(text: string): string {
  const content = text.replace(/\s+/g, ' ');
  if (content.trim() === '') return '';
  const fence = '`'.repeat(longestRun(content) + 1);
  const padding = /^`|`$|^ .* $/.test(content) ? ' ' : '';
  return `${fence}${padding}${content}${padding}${fence}`;
}

/** How many backticks stand in a row at most. */
export function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));
}

/** Neighbours with equal signs become one: `**a****b**` would not be read as bold, and what is code could end as HTML. */
function joined(nodes: AdfNode[]): AdfNode[] {
  const result: AdfNode[] = [];
  for (const node of nodes) {
    const last = result.at(-1);
    const same = last?.type === 'text' && node.type === 'text' && looksLike(last, node);
    if (same) result[result.length - 1] = { ...last, text: (last.text ?? '') + (node.text ?? '') };
    else result.push(node);
  }
  return result;
}

interface Signs {
  isCode: boolean;
  /** What is put around the text, the innermost first. */
  wrappers: string[];
  /** Where the text leads; null where that is nowhere, or not harmless. */
  href: string | null;
}

/** What Markdown has for these marks. */
function signsOf(marks: AdfMark[]): Signs {
  const types = [...new Set(marks.map(({ type }) => type))];
  const link = marks.find(({ type }) => type === 'link');
  return {
    isCode: types.includes('code'),
    wrappers: types.flatMap((type) => (Object.hasOwn(WRAPPERS, type) ? [WRAPPERS[type] ?? ''] : [])),
    href: link ? safeHref(attribute(link, 'href')) : null,
  };
}

function looksLike(one: AdfNode, other: AdfNode): boolean {
  const [signs, others] = [one, other].map(({ marks = [] }) => {
    const { wrappers, ...rest } = signsOf(marks);
    return JSON.stringify({ ...rest, wrappers: wrappers.sort() });
  });
  return signs === others;
}

function oneInline(node: AdfNode): string {
  switch (node.type) {
    case 'text':
      return markedText(node.text ?? '', node.marks ?? []);
    case 'hardBreak':
      return '\\\n';
    case 'inlineCard': {
      const [words, href] = [inlineWords(node), safeHref(attribute(node, 'url'))];
      return href === null ? escapeText(words) : `[${escapeLabel(words)}](${href})`;
    }
    case 'status':
      return wrapped(escapeText(inlineWords(node)), '**');
    default:
      return escapeText(inlineWords(node));
  }
}

function markedText(text: string, marks: AdfMark[]): string {
  const core = text.trim();
  // Space inside the marks would keep them from being read as marks.
  const before = /^\s/.test(text) ? ' ' : '';
  const after = /\s$/.test(text) ? ' ' : '';
  if (core === '') return text === '' ? '' : ' ';
  const { isCode, wrappers, href } = signsOf(marks);
  // Where a label ends is seen before what is code in it.
  const asCode = isCode && (href === null || !/[`[\]]/.test(core));
  const escaped = href === null ? escapeText(core) : escapeLabel(core);
  let result = asCode ? codeSpan(core) : escaped;
  for (const sign of wrappers) result = wrapped(result, sign);
  if (href !== null) result = `[${result}](${href})`;
  return `${before}${result}${after}`;
}

function wrapped(text: string, sign: string): string {
  return text === '' ? '' : `${sign}${text}${sign}`;
}
