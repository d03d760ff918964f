import type { Report } from '@qa-pms/contracts';
import MarkdownIt from 'markdown-it';
import sanitizeHtml from 'sanitize-html';
import { reportMarkdown } from './report-markdown.js';

const STYLE = `
  body { font: 15px/1.5 Inter, system-ui, sans-serif; color: #1f2937; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }
  h1, h2, h3 { line-height: 1.25; } h1 { border-bottom: 3px solid #0ea5e9; padding-bottom: .3rem; }
  table { border-collapse: collapse; width: 100%; margin: 1rem 0; } th, td { border: 1px solid #d1d5db; padding: .35rem .6rem; text-align: left; }
  th { background: #f3f4f6; } code, pre { font-family: "JetBrains Mono", monospace; background: #f3f4f6; } pre { padding: .6rem; overflow: auto; }
  @media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } tr { break-inside: avoid; } }`;

/** Notes are written by people, perhaps pasted from elsewhere: nothing that runs or loads anything survives. */
const SAFE: sanitizeHtml.IOptions = {
  allowedTags: [
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'p',
    'a',
    'ul',
    'ol',
    'li',
    'strong',
    'em',
    'del',
    'code',
    'pre',
    'blockquote',
    'hr',
    'br',
    'table',
    'thead',
    'tbody',
    'tr',
    'th',
    'td',
  ],
  allowedAttributes: { a: ['href', 'title'], ol: ['start'] },
  allowedSchemes: ['http', 'https', 'mailto'],
  disallowedTagsMode: 'escape',
};

/**
 * HTML in what people write stays text. Not marked: 2,000 quotes in each other overflow its stack, and 160 KB of `_a` take it
 * 15 s.
 */
const markdown = new MarkdownIt({ html: false, linkify: true });

/** Characters of free text that are read as Markdown. A megabyte of a list takes 2 s and 200 MB. */
const MAX_MARKDOWN = 50_000;

/** The report as one self-contained page. */
export function reportHtml(report: Report): string {
  const content = sanitizeHtml(markdown.render(reportMarkdown(report, readable)), SAFE);
  const title = report.title.replace(/[&<>]/g, (char) => `&#${String(char.charCodeAt(0))};`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}
</style>
</head>
<body>
${content}
</body>
</html>
`;
}

/** What is longer than people write stays as it was written: a block of code, in a fence that it cannot end. */
function readable(text: string): string {
  if (text.length <= MAX_MARKDOWN) return text;
  const ticks = (text.match(/`{3,}/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 2);
  const fence = '`'.repeat(ticks + 1);
  return `${fence}\n${text}\n${fence}`;
}
