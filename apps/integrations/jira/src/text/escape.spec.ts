import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { marked } from 'marked';
import { escapeText, safeHref, textToMarkdown } from './escape.js';

const ENTITIES: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#64;': '@',
  '&amp;': '&',
};

/** What a reader sees of the rendered Markdown, and which elements it is made of. */
function rendered(markdown: string): { text: string; elements: string[] } {
  const html = marked.parse(markdown, { async: false });
  const elements = [...html.matchAll(/<([a-z0-9]+)/g)].map((match) => match[1] ?? '');
  const text = html
    .replace(/<br>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:lt|gt|quot|#39|#64|amp);/g, (entity) => ENTITIES[entity] ?? entity);
  return { text: squeeze(text), elements: [...new Set(elements)] };
}

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim();

describe('escapeText', () => {
  it.each([
    '# not a heading',
    '1. not a list',
    '- not a list\n- either',
    '> no quote',
    'a\n===\nb\n---',
    '**bold** _em_ __init__ snake_case ~~gone~~ `code`',
    '<script>alert(1)</script> &lt;b&gt; &amp; AT&T',
    '[x](javascript:alert(1)) ![i](x) [ref]: x',
    '| a | b |\n| --- | --- |',
    '    indented\n\ttabbed',
    '```\nfence\n```',
    'mail qa_team+x@example.com and C:\\temp\\new',
    'h3. Idea\n??atlassian-plugin.xml?? {code}x{code}',
    'ends with a backslash\\',
  ])('keeps %j as text', (text) => {
    const { text: seen, elements } = rendered(textToMarkdown(text));

    expect(seen).toBe(squeeze(text));
    expect(elements.filter((element) => !['p', 'br'].includes(element))).toEqual([]);
  });

  it('keeps any text as it is', () => {
    const signs = fc.constantFrom(...'\\`*_{}[]<>()#+-.!|~=&;: \n\t"\'@ab1é😀/');
    const text = fc.string({ unit: signs, maxLength: 60 });
    fc.assert(
      fc.property(text, (given) => {
        const { text: seen, elements } = rendered(textToMarkdown(given));
        expect(seen).toBe(squeeze(given));
        expect(elements.filter((element) => !['p', 'br'].includes(element))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('links web addresses without changing them', () => {
    expect(escapeText('see https://example.com/a_b_(c)?x=1&y=2.')).toBe(
      'see [https://example.com/a_b\\_(c)?x=1&y=2](https://example.com/a_b_%28c%29?x=1&y=2).',
    );
  });

  it('makes a line break of a line break', () => {
    expect(rendered(escapeText('a\nb')).elements).toEqual(['p', 'br']);
  });
});

describe('safeHref', () => {
  it.each([
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    '//x',
    '/x',
    '',
    null,
    7,
  ])('refuses %s', (address) => {
    expect(safeHref(address)).toBeNull();
  });

  it('cannot be left by brackets or spaces', () => {
    expect(safeHref('https://example.com/a)b c<d>')).toBe('https://example.com/a%29b%20c%3Cd%3E');
  });
});
