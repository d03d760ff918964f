/** A node of the Atlassian Document Format: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/ */
export interface AdfNode {
  type: string;
  text?: string;
  attrs?: Record<string, unknown>;
  marks?: AdfMark[];
  content?: AdfNode[];
}

export interface AdfMark {
  type: string;
  attrs?: Record<string, unknown>;
}

/** A whole document. */
export interface AdfDocument extends AdfNode {
  type: 'doc';
  version: 1;
  content: AdfNode[];
}

/** Deeper than people write; what lies below is left out, so that no document can exhaust the stack. */
const MAX_DEPTH = 40;

/** Reads a document as far as it is one: anything that is no node is left out. Null where it is no document at all. */
export function readDocument(value: unknown): AdfNode | null {
  const node = readNode(value, 0);
  return node?.type === 'doc' ? node : null;
}

function readNode(value: unknown, depth: number): AdfNode | null {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return null;
  const { type, text, attrs, marks, content } = value as Record<string, unknown>;
  if (typeof type !== 'string') return null;
  const node: AdfNode = { type };
  if (typeof text === 'string') node.text = text;
  if (isRecord(attrs)) node.attrs = attrs;
  if (Array.isArray(marks)) node.marks = marks.filter(isMark);
  if (Array.isArray(content)) node.content = content.flatMap((child: unknown) => readNode(child, depth + 1) ?? []);
  return node;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isMark(value: unknown): value is AdfMark {
  return isRecord(value) && typeof value['type'] === 'string';
}

/** An attribute that is a non-empty string, or a number as one. */
export function attribute(node: { attrs?: Record<string, unknown> }, name: string): string | null {
  const value = node.attrs?.[name];
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

const INLINE = new Set([
  'text',
  'hardBreak',
  'mention',
  'emoji',
  'date',
  'status',
  'inlineCard',
  'mediaInline',
  'placeholder',
  'inlineExtension',
]);

export function isInline(node: AdfNode): boolean {
  return INLINE.has(node.type);
}

/** The words of a node without any markup; blocks are parted by line breaks. */
export function plainText(node: AdfNode): string {
  if (isInline(node)) return inlineWords(node);
  const children = node.content ?? [];
  const parts = children.map(plainText);
  return children.some(isInline) ? parts.join('') : parts.filter((part) => part !== '').join('\n');
}

/** What an inline node says, as plain text. */
export function inlineWords(node: AdfNode): string {
  switch (node.type) {
    case 'text':
      return node.text ?? '';
    case 'hardBreak':
      return '\n';
    case 'mention':
      return `@${(attribute(node, 'text') ?? attribute(node, 'id') ?? 'somebody').replace(/^@/, '')}`;
    case 'emoji':
      return attribute(node, 'text') ?? attribute(node, 'shortName') ?? '';
    case 'date':
      return dateOf(attribute(node, 'timestamp'));
    case 'status':
      return attribute(node, 'text') ?? '';
    case 'inlineCard':
      return attribute(node, 'url') ?? '';
    case 'mediaInline':
      return `[${attribute(node, 'alt') ?? 'attachment'}]`;
    case 'placeholder':
      return attribute(node, 'text') ?? '';
    default:
      return '';
  }
}

function dateOf(timestamp: string | null): string {
  const date = new Date(Number(timestamp));
  return timestamp === null || Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10);
}
