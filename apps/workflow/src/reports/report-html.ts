import type { Report } from '@qa-pms/contracts';
import { marked } from 'marked';
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

/** The report as one self-contained page. */
export function reportHtml(report: Report): string {
  const content = sanitizeHtml(marked.parse(reportMarkdown(report), { async: false }), SAFE);
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
