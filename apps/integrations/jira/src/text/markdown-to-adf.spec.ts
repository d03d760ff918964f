import { describe, expect, it } from '@jest/globals';
import { toMarkdown } from './adf.js';
import { markdownToAdf } from './markdown-to-adf.js';

describe('markdownToAdf', () => {
  it('makes a document of the usual markup', () => {
    expect(markdownToAdf('## Result\n\nPassed **all** of `x < y`, see [log](https://example.com).')).toEqual({
      type: 'doc',
      version: 1,
      content: [
        { type: 'heading', attrs: { level: 2 }, content: [{ type: 'text', text: 'Result' }] },
        {
          type: 'paragraph',
          content: [
            { type: 'text', text: 'Passed ' },
            { type: 'text', text: 'all', marks: [{ type: 'strong' }] },
            { type: 'text', text: ' of ' },
            { type: 'text', text: 'x < y', marks: [{ type: 'code' }] },
            { type: 'text', text: ', see ' },
            { type: 'text', text: 'log', marks: [{ type: 'link', attrs: { href: 'https://example.com/' } }] },
            { type: 'text', text: '.' },
          ],
        },
      ],
    });
  });

  it.each([
    'a\n\nb',
    '- a\n- b\n\n  1. c\n  2. d',
    '```js\nlet a = 1;\n```',
    '> quoted',
    '| A | B |\n| --- | --- |\n| 1 | **2** |',
    '---',
    '**bold** *em* ~~gone~~ `code`',
    'a\\\nb',
    '1. a\n2. b\n\n   c',
    '> - a\n> - b',
    '[**a**](https://example.com/)',
  ])('comes back from Jira as it was written: %j', (markdown) => {
    expect(toMarkdown(markdownToAdf(markdown))).toBe(markdown);
  });

  it('keeps the boxes of tasks as signs, and the start of a list', () => {
    expect(toMarkdown(markdownToAdf('3. [ ] a\n4. [x] b\n5. [X]c'))).toBe('3. ☐ a\n4. ☑ b\n5. \\[X\\]c');
  });

  it('makes links of addresses, and of images', () => {
    expect(toMarkdown(markdownToAdf('https://example.com/a ![b](https://example.com/c)'))).toBe(
      '[https://example.com/a](https://example.com/a) [b](https://example.com/c)',
    );
  });

  it('keeps HTML as text', () => {
    const markdown = toMarkdown(markdownToAdf('<script>x</script>\n\na <b>c</b> &lt;d&gt;'));

    expect(markdown).toBe('&lt;script>x&lt;/script>\n\na &lt;b>c&lt;/b> &lt;d>');
  });

  it('drops links that could do harm', () => {
    expect(JSON.stringify(markdownToAdf('[a](javascript:alert(1)) ![b](data:text/html,x)'))).not.toMatch(
      /javascript|"link"/,
    );
  });

  it.each(['', ' ', '\n\n', '[x]: http://example.com', '<!-- -->', '- ', '>', '```\n```', '|a|\n|-|'])(
    'makes something valid of %j',
    (markdown) => {
      const { content } = markdownToAdf(markdown);

      expect(content.length).toBeGreaterThan(0);
      expect(JSON.stringify(content)).not.toContain('"text":""');
    },
  );

  it.each([
    ['>', 30_000],
    ['- ', 15_000],
    ['[', 30_000],
    ['**a ', 7_000],
    ['`', 30_000],
    ['&#x110000;', 3_000],
    ['1. ', 10_000],
    ['*_a ', 7_500],
    ['- a\nb\nb\nb\nb\n', 2_500],
    ['b\n', 15_000, '- a\n'],
  ])(
    'stays quick for %j many times',
    (piece, times, before = '') => {
      expect(markdownToAdf(before + piece.repeat(times)).type).toBe('doc');
    },
    5_000,
  );
});
