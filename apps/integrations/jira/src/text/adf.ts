import { inlineMarkdown, longestRun } from './adf-inline.js';
import { type AdfNode, attribute, isInline, plainText, readDocument } from './adf-node.js';
import { escapeText, safeHref, textToMarkdown } from './escape.js';

const PANELS: Record<string, string> = {
  info: 'Info',
  note: 'Note',
  warning: 'Warning',
  error: 'Error',
  success: 'Success',
};

/**
 * A description or comment as sanitised Markdown: of a document in the Atlassian Document Format, or of plain text,
 * which stays the text that it is. No HTML survives, links are http, https or mailto. Empty for anything else.
 */
export function toMarkdown(value: unknown): string {
  if (typeof value === 'string') return textToMarkdown(value);
  const document = readDocument(value);
  return document ? blocksMarkdown(document.content ?? []) : '';
}

/** Block nodes as Markdown. */
export function blocksMarkdown(nodes: AdfNode[]): string {
  return nodes
    .map(blockMarkdown)
    .filter((block) => block !== '')
    .join('\n\n');
}

/** One block node as Markdown; loose inline nodes count as a paragraph. */
export function blockMarkdown(node: AdfNode): string {
  const content = node.content ?? [];
  if (isInline(node)) return inlineMarkdown([node]);
  switch (node.type) {
    case 'heading':
      return `${'#'.repeat(headingLevel(node))} ${oneLine(inlineMarkdown(content))}`;
    case 'codeBlock':
      return codeBlock(plainText(node), attribute(node, 'language'));
    case 'bulletList':
    case 'decisionList':
      return content.map((item) => listItem('- ', item)).join('\n');
    case 'orderedList':
      return content.map((item, index) => listItem(`${String(firstNumber(node) + index)}. `, item)).join('\n');
    case 'taskList':
      return content.map(taskItem).join('\n');
    case 'blockquote':
      return quote(blocksMarkdown(content));
    case 'panel':
      return quote(`**${PANELS[attribute(node, 'panelType') ?? ''] ?? 'Note'}:** ${blocksMarkdown(content)}`);
    case 'expand':
    case 'nestedExpand':
      return [escapeText(attribute(node, 'title') ?? ''), blocksMarkdown(content)]
        .filter((part) => part !== '')
        .join('\n\n');
    case 'rule':
      return '---';
    case 'table':
      return table(content);
    case 'media':
      return escapeText(`[${attribute(node, 'alt') ?? 'attachment'}]`);
    case 'blockCard':
    case 'embedCard':
      return card(node);
    default:
      return content.some(isInline) ? inlineMarkdown(content) : blocksMarkdown(content);
  }
}

export function headingLevel(node: AdfNode): number {
  const level = Number(attribute(node, 'level'));
  return level >= 1 && level <= 6 ? Math.trunc(level) : 2;
}

function firstNumber(node: AdfNode): number {
  const order = Number(attribute(node, 'order') ?? 1);
  return Number.isInteger(order) && order >= 0 && order < 1e9 ? order : 1;
}

function listItem(marker: string, item: AdfNode): string {
  const blocks = (item.content ?? []).some(isInline)
    ? [inlineMarkdown(item.content ?? [])]
    : (item.content ?? []).map(blockMarkdown);
  const lines = blocks
    .filter((block) => block !== '')
    .join('\n\n')
    .split('\n');
  return lines
    .map((line, index) => (index === 0 ? `${marker}${line}` : line && ' '.repeat(marker.length) + line))
    .join('\n');
}

function taskItem(item: AdfNode): string {
  if (item.type === 'taskList') return listItem('  ', item);
  return listItem(`- [${attribute(item, 'state') === 'DONE' ? 'x' : ' '}] `, item);
}

function quote(text: string): string {
  return text
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}

function codeBlock(text: string, language: string | null): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  const tag = /^[\w+#.-]{1,30}$/.test(language ?? '') ? language : '';
  return `${fence}${tag ?? ''}\n${text.replace(/\n$/, '')}\n${fence}`;
}

function card(node: AdfNode): string {
  const url = attribute(node, 'url') ?? '';
  return safeHref(url) === null ? escapeText(url) : inlineMarkdown([{ type: 'inlineCard', attrs: { url } }]);
}

/** Rows as a table; Markdown knows one line a cell and a header row that must be there. */
function table(rows: AdfNode[]): string {
  const cells = rows.map((row) => (row.content ?? []).map(cell));
  const width = Math.max(0, ...cells.map((row) => row.length));
  if (width === 0) return '';
  const hasHeader = (rows[0]?.content ?? []).every((one) => one.type === 'tableHeader');
  const [head = [], ...body] = hasHeader ? cells : [[], ...cells];
  const line = (row: string[]): string =>
    `| ${Array.from({ length: width }, (_, index) => row[index] ?? '').join(' | ')} |`;
  return [line(head), line(Array.from({ length: width }, () => '---')), ...body.map(line)].join('\n');
}

function cell(node: AdfNode): string {
  if (isInline(node)) return oneLine(inlineMarkdown([withoutPipedCode(node)]));
  const content = node.content ?? [];
  if (node.type === 'codeBlock') return oneLine(inlineMarkdown([withoutPipedCode(asCode(plainText(node)))]));
  if (content.some(isInline)) return oneLine(inlineMarkdown(content.map(withoutPipedCode)));
  const separator = node.type.endsWith('List') ? '; ' : ' ';
  return content
    .map(cell)
    .filter((part) => part !== '')
    .join(separator);
}

function asCode(text: string): AdfNode {
  return { type: 'text', text, marks: [{ type: 'code' }] };
}

/** A pipe ends a cell even within a code span, where no escape is safe from a backslash before it: such code is text. */
function withoutPipedCode(node: AdfNode): AdfNode {
  if (!node.text?.includes('|')) return node;
  return { ...node, marks: (node.marks ?? []).filter((mark) => mark.type !== 'code') };
}

function oneLine(text: string): string {
  return text.replaceAll('\\\n', ' ').replace(/\s+/g, ' ');
}
