/** A file that a configuration must refuse; for unit tests and for tests/bench/configuration.js, which measures them. */
export interface HostileFile {
  name: string;
  content: () => string | Buffer;
  /** What the refusal says. */
  problem: RegExp;
}

const MEGABYTE = 1024 * 1024;

/** Nine levels of nine aliases each: a billion nodes. https://en.wikipedia.org/wiki/Billion_laughs_attack */
function aliasBomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const value = level === 0 ? '"lol"' : `*a${String(level - 1)}`;
    return `a${String(level)}: &a${String(level)} [${Array.from({ length: 9 }, () => value).join(', ')}]`;
  });
  return `${levels.join('\n')}\n`;
}

/** Every kind of file that must be refused for what is in it. */
export function hostileFiles(): HostileFile[] {
  return [
    { name: 'alias bomb', content: aliasBomb, problem: /aliases \(\*name\) are not allowed/ },
    { name: 'alias of itself', content: () => 'log: &a [*a]\n', problem: /aliases/ },
    { name: 'merge loop', content: () => 'log: &a\n  <<: *a\n  level: info\n', problem: /merge keys \(<<\)/ },
    { name: 'custom tag', content: () => 'log: !!js/function "function(){}"\n', problem: /tags \(!name\)/ },
    { name: 'binary tag', content: () => 'log: !!binary aGVsbG8=\n', problem: /tags \(!name\)/ },
    { name: '50 MB', content: () => `log: ${'x'.repeat(50 * MEGABYTE)}`, problem: /larger than 1024 KB/ },
    { name: 'depth 10,000 (flow)', content: () => '['.repeat(10_000), problem: /nesting exceeded/ },
    {
      name: 'depth 1,300 (block)',
      content: () => Array.from({ length: 1_300 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''),
      problem: /nesting exceeded/,
    },
    { name: 'duplicate keys', content: () => 'port: 1\nport: 2\n', problem: /"port" was said before, in line 1/ },
    { name: 'binary', content: () => Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe]), problem: /no text in UTF-8/ },
    { name: 'invalid UTF-8', content: () => Buffer.from([0x61, 0x3a, 0x20, 0xc3, 0x28]), problem: /no text in UTF-8/ },
    { name: 'UTF-16', content: () => Buffer.from('\ufeffport: 1', 'utf16le'), problem: /no text in UTF-8/ },
    { name: 'NUL', content: () => 'host: "a\0b"\n', problem: /null byte/ },
    { name: 'control character', content: () => 'host: a\u0007b\n', problem: /non-printable/ },
    { name: 'two documents', content: () => 'port: 1\n---\nport: 2\n', problem: /more than one document/ },
    { name: '1 MB of documents', content: () => '---\n'.repeat(MEGABYTE / 4), problem: /more than 100000 keys/ },
    { name: '1 MB of empty items', content: () => '-\n'.repeat(MEGABYTE / 2), problem: /more than 100000 keys/ },
    {
      name: '1 MB of unknown keys',
      content: () => lines((n) => `k${String(n)}: 1\n`),
      problem: /more than 100000 keys/,
    },
    { name: '1 MB of one unknown key', content: () => 'k'.repeat(MEGABYTE - 4) + ': 1', problem: /./ },
    {
      name: '1 MB of pairs in a line',
      content: () => `a: {${'a: 1, '.repeat(MEGABYTE / 6 - 2)}}`,
      problem: /more than 100000 keys/,
    },
    { name: '1 MB of open quotes', content: () => `a: "${'x\n '.repeat(MEGABYTE / 3 - 2)}`, problem: /unexpected end/ },
    {
      name: '40,000 unknown keys',
      content: () => lines((n) => `k${String(n)}: 1\n`).slice(0, 400_000),
      problem: /is not known/,
    },
    { name: 'map as a key', content: () => '? { a: 1 }\n: 2\n', problem: /a key must be a single word/ },
    { name: 'prototype as a key', content: () => '__proto__: { a: 1 }\nconstructor: 1\n', problem: /is not known/ },
    { name: 'a list', content: () => '- port: 1\n', problem: /map of sections/ },
    { name: 'no YAML', content: () => 'port: [1\nhost: x\n', problem: /deficient indentation/ },
  ];
}

function lines(line: (n: number) => string): string {
  let text = '';
  for (let n = 0; text.length < MEGABYTE - 20; n += 1) text += line(n);
  return text;
}
