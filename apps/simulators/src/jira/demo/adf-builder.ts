import type { AdfNode } from '../jira-types.js';
import { PEOPLE, type PersonName } from './people.js';

/** Text with a little markup, so that demo tickets read like text: `**strong**`, `code`, [label](address), @person. */
const INLINE = /\*\*([^*]+)\*\*|`([^`]+)`|\[([^\]]+)\]\(([^)]+)\)|@(quinn|ravi|lena|tomas)\b/g;

export function inline(text: string): AdfNode[] {
  const nodes: AdfNode[] = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, strong, code, label, href, person] = match;
    if (match.index > at) nodes.push({ type: 'text', text: text.slice(at, match.index) });
    if (strong) nodes.push({ type: 'text', text: strong, marks: [{ type: 'strong' }] });
    else if (code) nodes.push({ type: 'text', text: code, marks: [{ type: 'code' }] });
    else if (label) nodes.push({ type: 'text', text: label, marks: [{ type: 'link', attrs: { href } }] });
    else nodes.push(mention(person as PersonName));
    at = match.index + whole.length;
  }
  if (at < text.length) nodes.push({ type: 'text', text: text.slice(at) });
  return nodes;
}

function mention(name: PersonName): AdfNode {
  const { accountId, displayName } = PEOPLE[name];
  return { type: 'mention', attrs: { id: accountId, text: `@${displayName}`, accessLevel: '' } };
}

export const p = (text: string): AdfNode => ({ type: 'paragraph', content: inline(text) });

export const h = (text: string, level = 2): AdfNode => ({ type: 'heading', attrs: { level }, content: inline(text) });

const item = (text: string): AdfNode => ({ type: 'listItem', content: [p(text)] });

export const ul = (...items: string[]): AdfNode => ({ type: 'bulletList', content: items.map(item) });

export const ol = (...items: string[]): AdfNode => ({
  type: 'orderedList',
  attrs: { order: 1 },
  content: items.map(item),
});

export const code = (language: string, text: string): AdfNode => ({
  type: 'codeBlock',
  attrs: { language },
  content: [{ type: 'text', text }],
});

export const panel = (panelType: 'info' | 'note' | 'warning' | 'error' | 'success', text: string): AdfNode => ({
  type: 'panel',
  attrs: { panelType },
  content: [p(text)],
});

export const table = (head: string[], ...rows: string[][]): AdfNode => ({
  type: 'table',
  attrs: { isNumberColumnEnabled: false, layout: 'default' },
  content: [
    { type: 'tableRow', content: head.map((text) => ({ type: 'tableHeader', attrs: {}, content: [p(text)] })) },
    ...rows.map((row) => ({
      type: 'tableRow',
      content: row.map((text) => ({ type: 'tableCell', attrs: {}, content: [p(text)] })),
    })),
  ],
});

/** Acceptance criteria in Gherkin, as teams put them into a code block. */
export const gherkin = (text: string): AdfNode => code('gherkin', text);

/** The heading that criteria stand under. */
export const criteria = (): AdfNode => h('Acceptance criteria');

export const doc = (...content: AdfNode[]): AdfNode => ({ type: 'doc', version: 1, content });
