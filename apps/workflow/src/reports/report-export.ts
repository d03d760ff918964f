import type { ExportedReport, Report } from '@qa-pms/contracts';
import { reportMarkdown } from './report-markdown.js';

/** The report as a file: `QA-{ticket key}-report-{date}.{ext}`. */
export async function exportReport(report: Report, format: 'md' | 'html'): Promise<ExportedReport> {
  const filename = `QA-${report.ticketKey}-report-${report.generatedAt.slice(0, 10)}.${format}`;
  if (format === 'md') return { filename, mediaType: 'text/markdown; charset=utf-8', body: reportMarkdown(report) };
  // Loaded when somebody wants a page: what makes it and makes it safe takes 5 MB.
  const { reportHtml } = await import('./report-html.js');
  return { filename, mediaType: 'text/html; charset=utf-8', body: reportHtml(report) };
}
