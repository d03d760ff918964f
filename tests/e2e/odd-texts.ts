/** Texts that are odd and legal: each must come back as it was sent. */
// prettier-ignore
const WHOLE = [
  // Blanks of all kinds; a byte order mark; characters without width
  ' ', '  leading', 'trailing  ', '\ttab\t', 'a\nb', 'a\r\nb', 'a\rb', '\n', '\r\n\r\n', 'a\u000bb', 'a\u000cb', '\u00a0',
  'a\u00a0b', '\u1680', '\u2003em\u2003', '\u2028', 'a\u2028b', 'a\u2029b', 'a\u202fb', '\u3000', '\uFEFF', '\uFEFFmark',
  'a\uFEFFb', 'a\u0085b', '\u200b', 'zero\u200bwidth', 'join\u200dme', 'non\u200cjoin', 'word\u2060joiner', 'soft\u00adhyphen',
  '\u180e',
  // Directions, combinations, forms that look alike
  'שלום עולם', 'مرحبا بالعالم', '\u202eabc\u202c', '\u2066abc\u2069', 'abc \u05d0\u05d1 123', '\u200fx', '\u061cx', 'Å',
  'A\u030a', '\u212b', 'ﬁ', 'ﬀ', 'e\u0301', 'é', 'ñ', 'n\u0303', '\u1e9b\u0323', 'Ω', '\u2126', 'q\u0307\u0323',
  'a\u0300\u0301\u0302\u0303\u0304', 'Z\u0351\u036b\u0343\u036a\u0302a\u0314l\u0320g\u0324o\u0359', 'ﷺ', '각',
  '\u1100\u1161\u11a8', 'ё', 'й', 'İ', 'ı', 'ß', 'ẞ', 'ŉ', 'Ǆ',
  // Scripts
  '日本語のテスト', '中文測試', '한국어', 'ภาษาไทย', 'हिन्दी', 'Ελληνικά', 'Кириллица', 'አማርኛ', 'ქართული', 'தமிழ்', '𠜎𠜱𠝹', '𝔘𝔫𝔦', '𒀀𒁀', 'ʇxǝʇ',
  // Emoji
  '🙂', '👩‍🔬', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇩🇪🇯🇵', '👍🏽', '1️⃣', '☺︎', '☺️', '🧑🏻‍❤️‍💋‍🧑🏿', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '\u{1f9ff}\u{fe0f}', '🙂'.repeat(60),
  // Edges of Unicode, and controls that PostgreSQL keeps
  '\uffff', '\ufffe', '\ufffd', '\u{10ffff}', '\u{1fffe}', '\ue000', '\u0001', '\u0008', '\u001b[31mred\u001b[0m', '\u007f',
  '\u009f', '\u{e0001}',
  // Quotes and backslashes
  `'`, `''`, `"`, `""`, '`', '\\', '\\\\', String.raw`\n`, String.raw`\u0000`, String.raw`\x00`, String.raw`\'`, '„so“',
  '«ainsi»', `'"\`\\`, '$$', '$1', '$&', '%', '%%', '%s',
  // SQL
  `' OR '1'='1`, `'; DROP TABLE workflow.workflows; --`, 'x /* y */ z', 'SELECT * FROM users', `E'\\'`, '$tag$x$tag$', ':name',
  '?', '@id', '::uuid', 'NULL', '1; --',
  // Mark-up
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '</title>', '</body></html>', '<!-- open', '-->', '<![CDATA[x]]>',
  '<?xml?>', '<a href="javascript:alert(1)">x</a>', '&amp;', '&lt;b&gt;', '&#0;', '&#x41;', '&nbsp;', '&', '<', '>', '<>', 'a<b',
  'a>b', '<b>bold</b>', '<svg/onload=alert(1)>', '"onmouseover="x', 'javascript:alert(1)', 'data:text/html,x',
  // Markdown
  '# Heading', '**bold**', '_em_', '__init__', '`code`', '```', '~~~', '- item', '* item', '1. item', '+ item', '> quote', '---',
  '===', '***', '[x](y)', '![x](y)', '[x]: y', '|a|b|', '| --- |', '~~del~~', 'www.example.com',
  'https://example.com/?a=1&b=2#c', 'a@example.com', 'Setext\n======', '    indented', '\\*', '- [ ] task',
  '<https://example.com>', '[^1]', '\\', 'line  \nbreak', 'a_b_c', '*a', 'a*', ':smile:',
  // Templates and formats
  '{{7*7}}', '${7*7}', '<%= 7*7 %>', '#{7*7}', '{0}', '%n', '%x%x', '{{constructor}}', '$(id)', '`id`', '{%raw%}', '@@version',
  '!!python/object', '*alias', '&anchor x', '() { :; };', '| cat', '&& ls', '; ls',
  // Words and forms that others read as something else
  'null', 'undefined', 'true', 'false', 'NaN', 'Infinity', '-0', '0', '00', '1e400', '0x10', '1_000', '-1', '.5', 'None', 'nil',
  '{}', '[]', '""', '{"a":1}', '[1,2]', '{"a":', 'yes', 'no', 'on', 'off', '~', '=1+1', '@SUM(A1)', '-2+3', '+1', '__proto__',
  'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length', 'then', 'default', 'key', 'id', 'DEMO-1',
  '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f', '2026-11-21', '2026-02-30', '12:00',
  // Paths and addresses
  '../../etc/passwd', '..\\..\\x', '/', '//', 'C:\\x', 'file:///etc/passwd', '%2e%2e%2f', '%00', '%', '~root', 'CON', 'a/b',
  'a:b', '.', '..', '\\\\server\\share', 'http://[::1]/', 'ftp://x', 'mailto:x@y', 'tel:1',
];

const REPEATED = ['word ', 'ä', '👩‍🔬', '<', '&amp;', '\\', '*', '[', '|', ' ', '名', '\u0301', '(', '`', '_', '~'];

/** What texts are put between: they must not become part of what stands around them. */
const AROUND: [before: string, after: string][] = [
  ['a ', ' b'],
  ['', '\n'],
  ['x\n', ''],
];

/** Unlike each other, none empty, each at most 200 characters. */
export const ODD_TEXTS: string[] = [
  ...new Set([
    ...WHOLE,
    ...REPEATED.map((one) => one.repeat(Math.floor(190 / one.length))),
    ...WHOLE.filter((one) => one.length < 80).flatMap((one, index) => {
      const [before, after] = AROUND[index % AROUND.length] ?? ['', ''];
      return before + one + after;
    }),
  ]),
];

/** The items of all lists of an HTML document, as a browser shows their text. */
export function listItems(html: string): string[] {
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return [...html.matchAll(/<li>([^]*?)<\/li>/g)].map(([, item = '']) =>
    asShown(item.replace(/<[^>]*>/g, '').replace(/&(\w+|#39);/g, (entity, name: string) => entities[name] ?? entity)),
  );
}

/** A text as HTML shows it: of blanks in a row one is left. */
export function asShown(text: string): string {
  return text.replace(/[ \t\n\f\r]+/g, ' ').trim();
}
