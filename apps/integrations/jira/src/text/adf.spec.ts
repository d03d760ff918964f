import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { marked } from 'marked';
import { toMarkdown } from './adf.js';

const text = (value: string, ...marks: unknown[]) => ({ type: 'text', text: value, marks });
const p = (...content: unknown[]) => ({ type: 'paragraph', content });
const item = (...content: unknown[]) => ({ type: 'listItem', content });
const doc = (...content: unknown[]) => ({ type: 'doc', version: 1, content });
const cell = (type: string, ...content: unknown[]) => ({ type, attrs: {}, content });
const row = (...content: unknown[]) => ({ type: 'tableRow', content });
const link = (href: unknown) => ({ type: 'link', attrs: { href } });

describe('toMarkdown', () => {
  it('renders headings, paragraphs and marks', () => {
    const document = doc(
      { type: 'heading', attrs: { level: 3 }, content: [text('Steps')] },
      p(
        text('a '),
        text('bold', { type: 'strong' }),
        text(' '),
        text('em', { type: 'em' }),
        text(' and '),
        text('x`y', { type: 'code' }),
      ),
    );

    expect(toMarkdown(document)).toBe('### Steps\n\na **bold** *em* and ``x`y``');
  });

  it('keeps spaces out of marks and joins equal neighbours', () => {
    const strong = { type: 'strong' };

    expect(toMarkdown(doc(p(text(' one', strong), text(' two ', strong), text('three'))))).toBe('**one two** three');
  });

  it.each([
    ['nothing', [text('', { type: 'strong' })], {}],
    ['a mark without a sign', [], { type: 'underline' }],
    ['a link that leads nowhere', [], link('javascript:x')],
    ['the same mark twice', [], { type: 'code' }],
  ])('joins code that has %s between it, or its signs would end it', (_what, between, mark) => {
    const code = { type: 'code' };

    const rendered = toMarkdown(doc(p(text('<b>', code), ...between, text('`<b>', code, mark))));

    expect(rendered).toBe('``<b>`<b>``');
  });

  it('renders nested lists', () => {
    const inner = { type: 'orderedList', attrs: { order: 3 }, content: [item(p(text('c'))), item(p(text('d')))] };
    const list = { type: 'bulletList', content: [item(p(text('a')), inner), item(p(text('b')))] };

    expect(toMarkdown(doc(list))).toBe('- a\n\n  3. c\n  4. d\n- b');
  });

  it('renders tasks with their state', () => {
    const tasks = [
      { type: 'taskItem', attrs: { state: 'DONE' }, content: [text('a')] },
      { type: 'taskItem', attrs: { state: 'TODO' }, content: [text('b')] },
    ];

    expect(toMarkdown(doc({ type: 'taskList', content: tasks }))).toBe('- [x] a\n- [ ] b');
  });

  it('fences code so that nothing in it can end it', () => {
    const block = { type: 'codeBlock', attrs: { language: 'ts' }, content: [text('const a = `<b>`;\n```\n# x')] };

    expect(toMarkdown(doc(block))).toBe('````ts\nconst a = `<b>`;\n```\n# x\n````');
  });

  it('takes no language that is more than a word', () => {
    const block = { type: 'codeBlock', attrs: { language: 'x\n<script>' }, content: [text('a')] };

    expect(toMarkdown(doc(block))).toBe('```\na\n```');
  });

  it('renders tables, one line a cell', () => {
    const table = {
      type: 'table',
      content: [
        row(cell('tableHeader', p(text('A'))), cell('tableHeader', p(text('B')))),
        row(
          cell('tableCell', p(text('x|y'), { type: 'hardBreak' }, text('z'))),
          cell('tableCell', p(text('p|q', { type: 'code' }))),
        ),
        row(cell('tableCell', { type: 'bulletList', content: [item(p(text('1'))), item(p(text('2')))] })),
      ],
    };

    expect(toMarkdown(doc(table))).toBe('| A | B |\n| --- | --- |\n| x\\|y z | p\\|q |\n| 1; 2 |  |');
  });

  it('renders panels, mentions, dates, cards and media', () => {
    const document = doc(
      { type: 'panel', attrs: { panelType: 'warning' }, content: [p(text('Careful'))] },
      p({ type: 'mention', attrs: { id: '1', text: '@Quinn' } }, text(' by '), {
        type: 'date',
        attrs: { timestamp: '1768608000000' },
      }),
      p({ type: 'inlineCard', attrs: { url: 'https://example.com/x' } }),
      { type: 'mediaSingle', content: [{ type: 'media', attrs: { alt: 'shot.png' } }] },
      { type: 'rule' },
    );

    expect(toMarkdown(document)).toBe(
      '> **Warning:** Careful\n\n@Quinn by 2026-01-17\n\n[https://example.com/x](https://example.com/x)\n\n\\[shot.png\\]\n\n---',
    );
  });

  it('links only where it is harmless', () => {
    const document = doc(
      p(text('good', link('https://example.com/?a=1'))),
      p(text('bad', link('javascript:alert(1)'))),
      p(text('odd', link(7))),
    );

    expect(toMarkdown(document)).toBe('[good](https://example.com/?a=1)\n\nbad\n\nodd');
  });

  it('renders the content of nodes that it does not know', () => {
    expect(toMarkdown(doc({ type: 'novelty', content: [p(text('inside'))] }, { type: 'void' }))).toBe('inside');
  });

  it.each([
    null,
    undefined,
    7,
    [],
    {},
    { type: 'paragraph' },
    { type: 'doc' },
    { type: 'doc', content: [null, 1, { type: 7 }] },
  ])('makes nothing of %j', (value) => {
    expect(toMarkdown(value)).toBe('');
  });

  it('survives a document of any depth', () => {
    let node: unknown = p(text('deep'));
    for (let depth = 0; depth < 5000; depth += 1) node = { type: 'blockquote', content: [node] };

    expect(toMarkdown(doc(node)).length).toBeLessThan(5000);
  });

  it('lets no HTML and no dangerous link live, whatever the text', () => {
    const piece = fc.constantFrom(
      '<script>',
      '</a>',
      '<img src=x onerror=y>',
      '](javascript:x)',
      '[',
      '`',
      '**',
      '\n',
      '|',
      'a',
      ' ',
      '\\',
      '&lt;',
      '![',
      'https://b.example/',
      'www.b.example',
      '<!--',
    );
    const words = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
    const mark = fc.record({
      type: fc.constantFrom('strong', 'em', 'code', 'strike', 'underline', 'link', 'constructor'),
      attrs: fc.record({ href: fc.constantFrom('javascript:x', 'https://a.example/?b&c=d') }),
    });
    const marks = fc.array(mark, { maxLength: 4 });
    const inline = fc.tuple(words, marks).map(([value, all]) => text(value, ...all));
    const block = fc.array(inline, { maxLength: 4 }).map((content) => p(...content));

    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), (blocks) => {
        const table = { type: 'table', content: [row(...blocks.map((one) => cell('tableCell', one)))] };
        const html = marked.parse(toMarkdown(doc(...blocks, table)), { async: false });
        const tags = [...html.matchAll(/<\/?([a-z!][a-z0-9-]*)/gi)].map((match) => match[1]);
        const known = ['p', 'br', 'a', 'strong', 'em', 'code', 'del', 'table', 'thead', 'tbody', 'tr', 'th', 'td'];
        expect(tags.filter((tag) => !known.includes(tag ?? ''))).toEqual([]);
        const links = [...html.matchAll(/href="([^"]*)"/g)].map((match) => match[1]);
        expect(links.filter((href) => !/^https?:\/\/(?:www\.)?[ab]\.example/.test(href ?? ''))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});
