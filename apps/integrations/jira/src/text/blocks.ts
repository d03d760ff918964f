import { blockMarkdown, headingLevel } from './adf.js';
import { type AdfNode, isInline, plainText, readDocument } from './adf-node.js';
import { textToMarkdown } from './escape.js';

/** A piece of a description, as plain text and as Markdown. */
export interface Block {
  kind: 'heading' | 'text' | 'item' | 'code';
  /** Of headings: 1 to 6. */
  level: number;
  text: string;
  markdown: string;
}

const CONTAINERS = new Set([
  'panel',
  'blockquote',
  'expand',
  'nestedExpand',
  'layoutSection',
  'layoutColumn',
  'bodiedExtension',
]);
const LISTS = new Set(['bulletList', 'orderedList', 'taskList', 'decisionList']);

/** The pieces of a description: a document, or plain text, in which Jira's old wiki markup marks headings and code. */
export function readBlocks(value: unknown): Block[] {
  if (typeof value === 'string') return textBlocks(value);
  return (readDocument(value)?.content ?? []).flatMap(nodeBlocks);
}

function nodeBlocks(node: AdfNode): Block[] {
  const children = node.content ?? [];
  if (CONTAINERS.has(node.type)) return children.flatMap(nodeBlocks);
  if (LISTS.has(node.type)) return children.map((item) => block('item', plainText(item), itemMarkdown(item)));
  if (node.type === 'heading') return [block('heading', plainText(node), blockMarkdown(node), headingLevel(node))];
  if (node.type === 'codeBlock') return [block('code', plainText(node), blockMarkdown(node))];
  return [block('text', plainText(node), blockMarkdown(node))];
}

function itemMarkdown(item: AdfNode): string {
  const children = item.content ?? [];
  if (children.some(isInline)) return blockMarkdown({ type: 'paragraph', content: children });
  return children.map(blockMarkdown).join('\n\n');
}

const FENCE = /\{(?:code|noformat)(?::[^}]*)?\}|^```.*$/m;

function textBlocks(text: string): Block[] {
  const parts = text.replace(/\r\n?/g, '\n').split(new RegExp(FENCE, 'gm'));
  // Every second part stands between two fences; an unclosed one is text.
  return parts.flatMap((part, index) => {
    const isCode = index % 2 === 1 && index < parts.length - 1;
    return isCode ? [block('code', part.trim(), textToMarkdown(part))] : part.split(/\n\s*\n/).flatMap(paragraphBlocks);
  });
}

/** A heading may stand on the line right above its text. */
function paragraphBlocks(paragraph: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  const flush = (): void => {
    const text = lines.join('\n').trim();
    if (text !== '') blocks.push(block('text', text, textToMarkdown(text)));
    lines = [];
  };
  for (const line of paragraph.split('\n')) {
    const heading = /^\s*(?:h([1-6])\.|(#{1,6}))\s*(.+)$/.exec(line);
    const item = /^\s*[*\-•]\s+(.+)$/.exec(line);
    const alone = /^\W*acceptance criteria\W*$/i.test(line);
    if (!heading && !item && !alone) {
      lines.push(line);
      continue;
    }
    flush();
    if (item) blocks.push(block('item', item[1] ?? '', textToMarkdown(item[1] ?? '')));
    else
      blocks.push(
        block(
          'heading',
          heading?.[3] ?? line.trim(),
          textToMarkdown(line),
          Number(heading?.[1] ?? heading?.[2]?.length ?? 2),
        ),
      );
  }
  flush();
  return blocks;
}

function block(kind: Block['kind'], text: string, markdown: string, level = 0): Block {
  return { kind, level, text: text.trim(), markdown };
}
