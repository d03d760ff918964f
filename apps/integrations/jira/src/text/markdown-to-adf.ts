import { lexer, type Token, type Tokens } from 'marked';
import type { AdfDocument, AdfMark, AdfNode } from './adf-node.js';
import { safeHref } from './escape.js';

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

/**
 * Markdown as a document in the Atlassian Document Format: headings, paragraphs, lists, code, quotes, tables, rules,
 * bold, italic, struck, code, links. HTML stays text; links that are not http, https or mailto stay labels.
 */
export function markdownToAdf(markdown: string): AdfDocument {
  const content = tokensOf(markdown).flatMap(blockNodes);
  return { type: 'doc', version: 1, content: content.length > 0 ? content : [paragraph(textNodes(markdown, []))] };
}

/** What nests deeper than people write, thousands of quotes in each other, is taken as text. */
function tokensOf(markdown: string): Token[] {
  if (/^(?:\s*(?:>|[-*+]\s|\d+[.)]\s)){30}/m.test(markdown)) return [];
  return lexer(markdown);
}

function blockNodes(token: Token): AdfNode[] {
  switch (token.type) {
    case 'heading':
      return [{ type: 'heading', attrs: { level: (token as Tokens.Heading).depth }, content: inlines(token) }];
    case 'code':
      return [codeBlock(token as Tokens.Code)];
    case 'blockquote':
      return [
        {
          type: 'blockquote',
          content: atLeastOne((token as Tokens.Blockquote).tokens.flatMap(blockNodes).map(plainer)),
        },
      ];
    case 'list':
      return [list(token as Tokens.List)];
    case 'table':
      return [table(token as Tokens.Table)];
    case 'hr':
      return [{ type: 'rule' }];
    case 'space':
    case 'def':
      return [];
    case 'html':
      return [paragraph(textNodes(token.raw.trim(), []))];
    default:
      return [paragraph(inlines(token))];
  }
}

function codeBlock({ lang, text }: Tokens.Code): AdfNode {
  const language = /^[\w+#.-]{1,30}/.exec(lang ?? '')?.[0];
  return {
    type: 'codeBlock',
    ...(language !== undefined && { attrs: { language } }),
    ...(text !== '' && { content: [{ type: 'text', text }] }),
  };
}

function list({ ordered, start, items }: Tokens.List): AdfNode {
  const content = items.map((item): AdfNode => {
    const mark = item.task ? [{ type: 'text', text: item.checked ? '☑ ' : '☐ ' }] : [];
    const [first, ...rest] = atLeastOne(
      item.tokens
        .filter(({ type }) => type !== 'checkbox')
        .flatMap(blockNodes)
        .map(plainer),
    );
    const head = first?.type === 'paragraph' ? paragraph([...mark, ...(first.content ?? [])]) : first;
    return { type: 'listItem', content: [...(head ? [head] : []), ...rest] };
  });
  return ordered
    ? { type: 'orderedList', attrs: { order: start === '' ? 1 : start }, content }
    : { type: 'bulletList', content };
}

function table({ header, rows }: Tokens.Table): AdfNode {
  const row = (type: string, cells: Tokens.TableCell[]): AdfNode => ({
    type: 'tableRow',
    content: cells.map((cell) => ({ type, attrs: {}, content: [paragraph(inlineNodes(cell.tokens, []))] })),
  });
  return { type: 'table', content: [row('tableHeader', header), ...rows.map((cells) => row('tableCell', cells))] };
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

function inlines(token: Token): AdfNode[] {
  const { tokens } = token as { tokens?: Token[] };
  return tokens
    ? inlineNodes(tokens, [])
    : textNodes(unescapeEntities((token as { text?: string }).text ?? token.raw), []);
}

function inlineNodes(tokens: Token[], marks: AdfMark[]): AdfNode[] {
  return tokens.flatMap((token): AdfNode[] => {
    const children = (token as { tokens?: Token[] }).tokens;
    switch (token.type) {
      case 'strong':
        return inlineNodes(children ?? [], [...marks, { type: 'strong' }]);
      case 'em':
        return inlineNodes(children ?? [], [...marks, { type: 'em' }]);
      case 'del':
        return inlineNodes(children ?? [], [...marks, { type: 'strike' }]);
      case 'codespan':
        // Of the other marks Jira takes only links on code.
        return textNodes((token as Tokens.Codespan).text, [
          ...marks.filter(({ type }) => type === 'link'),
          { type: 'code' },
        ]);
      case 'link':
        return inlineNodes(children ?? [], withLink(marks, (token as Tokens.Link).href));
      case 'image':
        return textNodes(
          (token as Tokens.Image).text || (token as Tokens.Image).href,
          withLink(marks, (token as Tokens.Image).href),
        );
      case 'br':
        return [{ type: 'hardBreak' }];
      case 'html':
        return textNodes(token.raw, marks);
      default:
        return children
          ? inlineNodes(children, marks)
          : textNodes(unescapeEntities((token as { text?: string }).text ?? token.raw), marks);
    }
  });
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

function unescapeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi,
    (entity, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? entity;
      const point = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
      return point > 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff)
        ? String.fromCodePoint(point)
        : entity;
    },
  );
}
