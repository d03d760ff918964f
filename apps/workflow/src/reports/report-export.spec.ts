import { describe, expect, it } from '@jest/globals';
import type { Report, ReportContent } from '@qa-pms/contracts';
import { aStep } from '@qa-pms/testing/build';
import { aPassedStep, aReport, aTime, aWorkflow } from '../../test/build.js';
import { draftContent, withTimes } from './report-content.js';
import { exportReport } from './report-export.js';
import { reportHtml } from './report-html.js';
import { duration, reportMarkdown } from './report-markdown.js';

const bug = { title: 'Cut off', severity: 'low' as const, component: 'booking', endpoint: null, ticketKey: 'DEMO-9' };

const rich = aWorkflow([
  aPassedStep(0, {
    links: [{ title: 'Log', url: 'https://ci.example.com/run/1' }],
    testsCovered: [
      { source: 'testmo', id: '4711', title: 'Login', url: 'https://example.testmo.net/4711' },
      { source: 'manual', id: '2', title: 'Logout', url: null },
    ],
    bugs: [bug],
  }),
  aStep(1, 'skipped', { skipReason: 'Not on staging.' }),
]);

const draft = (values: Partial<ReportContent> = {}): Report =>
  aReport({ ...draftContent(aWorkflow([aPassedStep(0)]), []), ...values });
const markdown = reportMarkdown;
const html = reportHtml;

describe('the Markdown of a report', () => {
  it('tells everything that the report holds', () => {
    const content = withTimes(draftContent(rich, [{ stepIndex: 0, reason: 'Slow.' }]), aTime([2, 0]));
    const body = markdown(
      aReport({ ...content, strategies: 'Exploratory.', notes: 'Mind.' }, { notices: ['Corrected.'] }),
    );

    for (const line of [
      '# QA report DEMO-1: Login fails',
      '| Ticket | DEMO-1 (Bug) |',
      '| Time | 20 min 00 s of 20 min 00 s (100 %) |',
      '| Step 0 | passed | 20 min 00 s | 10 min 00 s | 200 % |',
      '| Step 1 | skipped: Not on staging. | 0 s | 10 min 00 s | 0 % |',
      '- [Login](<https://example.testmo.net/4711>) (testmo 4711)',
      '- Logout (manual 2)',
      '- Cut off (low, booking, DEMO-9)',
      '- Step 0 (200 %): Slow.',
      '- [Log](<https://ci.example.com/run/1>)',
      '- Corrected.',
      '## Strategies\n\nExploratory.',
      '## Notes\n\nMind.',
    ]) {
      expect(body.replaceAll('\\', '')).toContain(line);
    }
  });

  it('leaves out what there is none of', () => {
    const body = markdown(draft({ outcome: null }));

    expect(body).toContain('| Time | not in yet |');
    expect(body).toContain('| Outcome | open |');
    expect(body.match(/^## .*/gm)).toEqual(['## Steps']);
  });

  it('names a gap of an unknown step by its number, and one without a reason as such', () => {
    const body = markdown(draft({ gaps: [{ stepIndex: 7, ratio: null, reason: null }] }));

    expect(body).toContain('- Step 8: no reason given');
  });
});

describe('what people write in a report', () => {
  const hostile = '<img src=x onerror=alert(1)> | **bold** [x](javascript:alert(1)) `code` &lt;\r\r# Heading\n| --- |';

  it('stays text in titles and cells: as it was written, on its line', () => {
    const step = aStep(0, 'skipped', { name: hostile, skipReason: hostile });
    const body = html(aReport({ ...draftContent(aWorkflow([step]), []), tester: hostile }, { title: hostile }));

    expect(body).not.toMatch(/<img|<strong>|<a |<h1>Heading|<code>/);
    expect(body.match(/<tr>/g)).toHaveLength(11);
    expect(body).toContain('&amp;lt; # Heading');
  });

  it.each([
    ['- item', '- item'],
    ['1. item', '1. item'],
    ['12) item', '12) item'],
    ['- [ ] task', '- [ ] task'],
    ['https://example.com/?a=1&b=2#c', 'https://example.com/?a=1&amp;b=2#c'],
    ['<https://example.com>', '&lt;https://example.com&gt;'],
    ['www.example.com', 'www.example.com'],
    ['first_last@example.com', 'first_last@example.com'],
    ['    indented\n\n', 'indented'],
    ['a\r\n\u2003b\n\uFEFF', 'a \u2003b \uFEFF'],
  ])('stays text at the start of a list item: %j', (title, shown) => {
    const testsCovered = [{ source: 'manual', id: '1', title, url: null }];
    const body = html(draft({ testsCovered }));

    expect(body).toContain(`<li>${shown} (manual 1)</li>`);
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src="https://evil.example/x.png" onerror="alert(1)">',
    '![x](https://evil.example/x.png)',
    '[click](javascript:alert(1))',
    '[click](data:text/html,<script>alert(1)</script>)',
    '<a href="https://ok.example" onclick="alert(1)" style="x">a</a>',
    '<iframe src="https://evil.example"></iframe><style>@import "https://evil.example"</style>',
    '<svg onload=alert(1)><form action="https://evil.example"><input></form>',
    '</body></html><script src="https://evil.example"></script>',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  ])('runs and loads nothing: %s', (notes) => {
    const body = html(draft({ notes, strategies: notes }));
    const content = body.slice(body.indexOf('<body>'));

    const tags = content.match(/<[a-z!][^>]*>/gi) ?? [];
    expect(tags.join('\n')).not.toMatch(/<(script|img|iframe|style|svg|form|input|math|link|meta)|\son\w+=|style=/i);
    expect(tags.join('\n')).not.toMatch(/(javascript|data):/i);
    expect(content.match(/<\/body>/g)).toHaveLength(1);
  });

  it.each(['<!-- open', '```\nopen', '<pre>'])('cannot hide a notice: %s', (strategies) => {
    const body = html(
      aReport(draft({ strategies, notes: strategies }).content, { notices: ['Times were corrected.'] }),
    );

    expect(body).toContain('<li>Times were corrected.</li>');
  });

  it.each([
    ['thousands of quotes in each other', '>'.repeat(20_000)],
    ['thousands of lists in each other', '- '.repeat(20_000)],
    ['emphasis that never ends', '*_a '.repeat(12_000)],
    ['lines that belong to one item', `- a\n${'b\n'.repeat(20_000)}`],
    ['a megabyte of a list', '- a\n\n'.repeat(200_000)],
    ['fences', '````\n'.repeat(20_000)],
  ])('does not hold up a page: %s', (_what, notes) => {
    const body = html(draft({ strategies: '**bold**', notes }));

    expect(body).toContain('<strong>bold</strong>');
    expect(body).toContain('<h2>Notes</h2>');
    expect(body.trimEnd().endsWith('</html>')).toBe(true);
  });

  it('is shown as it was written where it is longer than people write', () => {
    const notes = '# Heading\n\n```\n````js\n- item\n\n'.repeat(2_000);

    const body = html(draft({ notes }));

    expect(body).toContain(`<h2>Notes</h2>\n<pre><code>${notes}\n</code></pre>`);
    expect(html(draft({ notes: notes.slice(0, 50_000) }))).toContain('<h1>Heading</h1>');
  });

  it('is text where it is HTML', () => {
    expect(html(draft({ notes: 'a <b>bold</b> <br> word' }))).toContain('a &lt;b&gt;bold&lt;/b&gt; &lt;br&gt; word');
  });

  it('is kept as it was written, in every script', () => {
    const notes = 'שלום مرحبا 👩‍🔬 "quoted" $1';

    expect(markdown(draft({ notes }))).toContain(notes);
    expect(html(draft({ notes }))).toContain('שלום مرحبا 👩‍🔬');
  });

  it('keeps the addresses of links, and only those of the web', () => {
    const links = [{ title: 'a]b', url: 'https://example.com/?a=1&b=<2>' }];
    const body = html(aReport(draftContent(aWorkflow([aPassedStep(0, { links })]), [])));

    expect(body).toContain('<a href="https://example.com/?a=1&amp;b=%3C2%3E">a]b</a>');
  });
});

describe('the file of a report', () => {
  it('is named after its ticket and its day', async () => {
    expect((await exportReport(draft(), 'md')).filename).toBe('QA-DEMO-1-report-2026-11-21.md');
    expect((await exportReport(draft(), 'html')).filename).toBe('QA-DEMO-1-report-2026-11-21.html');
  });

  it('forbids as HTML everything from outside', () => {
    expect(html(draft())).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  it('has the title of the report as text', () => {
    const { content } = draft();

    expect(html(aReport(content, { title: '</title><script>' }))).toContain(
      '<title>&#60;/title&#62;&#60;script&#62;</title>',
    );
  });
});

describe('a duration', () => {
  it.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min 00 s'],
    [3723, '1 h 02 min 03 s'],
    [360_000, '100 h 00 min 00 s'],
  ])('of %i seconds reads %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });
});
