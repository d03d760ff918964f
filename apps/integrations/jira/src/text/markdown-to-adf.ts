import MarkdownIt, { type Token } from 'markdown-it';
import type { AdfDocument, AdfMark, AdfNode } from './adf-node.js';
import { safeHref } from './escape.js';

/** HTML stays text. */
const parser = new MarkdownIt({ html: false, linkify: true });
// `safeHref` decides: what it refuses stays a label, not a text with brackets.
parser.validateLink = () => true;

/**
 * Markdown as a document in the Atlassian Document Format: headings, paragraphs, lists, code, quotes, tables, rules,
 * bold, italic, struck, code, links. HTML stays text; links that are not http, https or mailto stay labels.
 */
export function markdownToAdf(markdown: string): AdfDocument {
  const content = tokensOf(markdown).flatMap(blockNodes);
  return { type: 'doc', version: 1, content: content.length > 0 ? content : [paragraph(textNodes(markdown, []))] };
}

/** A block with the blocks in it. */
interface Block {
  token: Token;
  blocks: Block[];
}

/** What nests deeper than people write is taken as text: the parser would leave out what lies below 100 levels. */
function tokensOf(markdown: string): Block[] {
  if (/^(?:\s*(?:>|[-*+]\s|\d+[.)]\s)){30}/m.test(markdown)) return [];
  const top: Block[] = [];
  const open = [top];
  for (const token of parser.parse(markdown, {})) {
    if (token.nesting < 0) {
      open.pop();
      continue;
    }
    const block: Block = { token, blocks: [] };
    open.at(-1)?.push(block);
    if (token.nesting > 0) open.push(block.blocks);
  }
  return top;
}

function blockNodes({ token, blocks }: Block): AdfNode[] {
  switch (token.type) {
    case 'heading_open':
      return [{ type: 'heading', attrs: { level: Number(token.tag.slice(1)) }, content: inlines(blocks) }];
    case 'fence':
    case 'code_block':
      return [codeBlock(token)];
    case 'blockquote_open':
      return [{ type: 'blockquote', content: atLeastOne(blocks.flatMap(blockNodes).map(plainer)) }];
    case 'bullet_list_open':
      return [{ type: 'bulletList', content: blocks.map(listItem) }];
    case 'ordered_list_open':
      return [
        { type: 'orderedList', attrs: { order: Number(token.attrGet('start') ?? 1) }, content: blocks.map(listItem) },
      ];
    case 'table_open':
      return [table(blocks)];
    case 'hr':
      return [{ type: 'rule' }];
    default:
      return [paragraph(inlines(blocks))];
  }
}

function codeBlock({ info, content }: Token): AdfNode {
  const language = /^[\w+#.-]{1,30}/.exec(info)?.[0];
  const text = content.replace(/\n$/, '');
  return {
    type: 'codeBlock',
    ...(language !== undefined && { attrs: { language } }),
    ...(text !== '' && { content: [{ type: 'text', text }] }),
  };
}

function listItem({ blocks }: Block): AdfNode {
  const [first, ...rest] = atLeastOne(blocks.flatMap(blockNodes).map(plainer));
  return { type: 'listItem', content: [...(first ? [withBox(first)] : []), ...rest] };
}

/** Jira's tasks are no items of a list: their box is a sign. */
function withBox(node: AdfNode): AdfNode {
  const [first, ...rest] = node.content ?? [];
  const text = first?.text?.replace(/^\[([ x])\] /i, (_box, sign: string) => (sign === ' ' ? '☐ ' : '☑ '));
  return node.type === 'paragraph' && first && text !== undefined ? paragraph([{ ...first, text }, ...rest]) : node;
}

function table(parts: Block[]): AdfNode {
  const rows = parts.flatMap(({ blocks }) => blocks);
  const cell = ({ token, blocks }: Block): AdfNode => ({
    type: token.type === 'th_open' ? 'tableHeader' : 'tableCell',
    attrs: {},
    content: [paragraph(inlines(blocks))],
  });
  return { type: 'table', content: rows.map(({ blocks }) => ({ type: 'tableRow', content: blocks.map(cell) })) };
}

/** Items and quotes hold paragraphs, lists and code only. */
function plainer(node: AdfNode): AdfNode {
  if (['paragraph', 'bulletList', 'orderedList', 'codeBlock'].includes(node.type)) return node;
  if (node.type === 'heading') return paragraph(node.content ?? []);
  return paragraph(textNodes(wordsOf(node), []));
}

function wordsOf(node: AdfNode): string {
  return (
    node.text ??
    (node.content ?? []).map(wordsOf).join(node.type === 'table' || node.type === 'blockquote' ? '\n' : ' ')
  );
}

function atLeastOne(nodes: AdfNode[]): AdfNode[] {
  return nodes.length > 0 ? nodes : [paragraph([])];
}

function paragraph(content: AdfNode[]): AdfNode {
  return { type: 'paragraph', content };
}

function inlines(blocks: Block[]): AdfNode[] {
  return blocks.flatMap(({ token }) => inlineNodes(token.children ?? []));
}

function inlineNodes(tokens: Token[]): AdfNode[] {
  const nodes: AdfNode[] = [];
  const marks: AdfMark[][] = [[]];
  for (const token of tokens) {
    const within = marks.at(-1) ?? [];
    if (token.nesting < 0) marks.pop();
    else if (token.nesting > 0) marks.push(marked(within, token));
    else nodes.push(...inlineNode(token, within));
  }
  return nodes;
}

function marked(marks: AdfMark[], token: Token): AdfMark[] {
  switch (token.type) {
    case 'strong_open':
      return [...marks, { type: 'strong' }];
    case 'em_open':
      return [...marks, { type: 'em' }];
    case 's_open':
      return [...marks, { type: 'strike' }];
    default:
      return withLink(marks, addressOf(token, 'href'));
  }
}

function inlineNode(token: Token, marks: AdfMark[]): AdfNode[] {
  switch (token.type) {
    case 'code_inline':
      // Of the other marks Jira takes only links on code.
      return textNodes(token.content, [...marks.filter(({ type }) => type === 'link'), { type: 'code' }]);
    case 'image': {
      const address = addressOf(token, 'src');
      return textNodes(token.content || address, withLink(marks, address));
    }
    case 'hardbreak':
      return [{ type: 'hardBreak' }];
    case 'softbreak':
      return textNodes('\n', marks);
    default:
      return textNodes(token.content, marks);
  }
}

function addressOf(token: Token, name: string): string {
  return String(token.attrGet(name) ?? '');
}

function withLink(marks: AdfMark[], address: string): AdfMark[] {
  const href = safeHref(address);
  return href === null || marks.some(({ type }) => type === 'link')
    ? marks
    : [...marks, { type: 'link', attrs: { href } }];
}

/** Jira refuses empty texts, and a mark that is there twice. */
function textNodes(text: string, marks: AdfMark[]): AdfNode[] {
  const unique = marks.filter((mark, index) => marks.findIndex(({ type }) => type === mark.type) === index);
  return text === '' ? [] : [{ type: 'text', text, ...(unique.length > 0 && { marks: unique }) }];
}
