import { type AdfMark, type AdfNode, attribute, inlineWords } from './adf-node.js';
import { escapeText, safeHref } from './escape.js';

/** A link that escapeText made of an address. */
const LINK = /(?<!\\)\[((?:\\.|[^\]\\])*)\]\([^)]*\)/g;
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
    const same = last?.type === 'text' && node.type === 'text' && signsOf(last) === signsOf(node);
    if (same) result[result.length - 1] = { ...last, text: (last.text ?? '') + (node.text ?? '') };
    else result.push(node);
  }
  return result;
}

/** The marks of a node that Markdown has signs for. */
function signsOf({ marks = [] }: AdfNode): string {
  const signs = marks.map((mark) => {
    if (mark.type === 'link') return safeHref(attribute(mark, 'href')) ?? '';
    return mark.type === 'code' || mark.type in WRAPPERS ? mark.type : '';
  });
  return JSON.stringify(signs.filter((sign) => sign !== '').sort());
}

function oneInline(node: AdfNode): string {
  switch (node.type) {
    case 'text':
      return markedText(node.text ?? '', node.marks ?? []);
    case 'hardBreak':
      return '\\\n';
    case 'inlineCard':
      return link(escapeText(inlineWords(node)), attribute(node, 'url'));
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
  const href = marks.find((mark) => mark.type === 'link');
  let result = marks.some((mark) => mark.type === 'code') ? codeSpan(core) : escapeText(core);
  for (const { type } of marks) result = wrapped(result, WRAPPERS[type] ?? '');
  if (href) result = link(result, attribute(href, 'href'));
  return `${before}${result}${after}`;
}

function wrapped(text: string, sign: string): string {
  return text === '' ? '' : `${sign}${text}${sign}`;
}

/** A link where its address is harmless, else only its label. A label holds no links of its own. */
function link(label: string, address: string | null): string {
  const href = safeHref(address);
  if (href === null) return label;
  return `[${label.replace(LINK, '$1')}](${href})`;
}
