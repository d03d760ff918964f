import type { Report, WorkflowStep, WorkflowTime } from '@qa-pms/contracts';

/** The report as Markdown; the HTML is made of it, with `freeText` made of the Markdown that people wrote. */
export function reportMarkdown(report: Report, freeText = (written: string): string => written): string {
  const { content } = report;
  const { ticket, template, time, testsCovered, bugs, gaps, strategies, notes } = content;
  const stepName = (index: number): string => content.steps[index]?.name ?? `Step ${String(index + 1)}`;
  return [
    `# ${text(report.title)}`,
    table(
      ['', ''],
      [
        ['Ticket', `${ticket.key} (${text(ticket.type)})`],
        ['Outcome', content.outcome ?? 'open'],
        ['Tester', text(content.tester)],
        ['Template', `${text(template.name)}, version ${String(template.version)}`],
        ['Started', content.startedAt],
        ['Completed', content.completedAt],
        [
          'Time',
          time
            ? `${duration(time.totalSeconds)} of ${duration(time.estimateSeconds)}${percent(time.ratio)}`
            : 'not in yet',
        ],
        ['Report', `version ${String(report.version)}, ${report.status}`],
      ],
    ),
    '## Steps',
    table(
      ['Step', 'Status', 'Time', 'Estimate', 'Of estimate'],
      content.steps.map((step) => [text(step.name), statusOf(step), ...timesOf(step, time)]),
    ),
    ...section(
      'Tests covered',
      testsCovered.map(({ title, source, id, url }) => `- ${link(title, url)} (${text(source)} ${text(id)})`),
    ),
    ...section(
      'Bugs found',
      bugs.map(({ title, severity, component, endpoint, ticketKey }) => {
        const facts = [severity, component, endpoint, ticketKey]
          .filter((fact) => fact != null)
          .map((fact) => text(fact));
        return `- ${text(title)} (${facts.join(', ')})`;
      }),
    ),
    ...section(
      'Gaps',
      gaps.map(
        ({ stepIndex, ratio, reason }) =>
          `- ${text(stepName(stepIndex))}${percent(ratio)}: ${text(reason ?? 'no reason given')}`,
      ),
    ),
    ...section(
      'Links',
      content.steps.flatMap(({ links }) => links.map(({ title, url }) => `- ${link(title, url)}`)),
    ),
    // Before all free text: what is left open there, such as a comment, must not hide a notice.
    ...section(
      'Notices',
      report.notices.map((notice) => `- ${text(notice)}`),
    ),
    ...section('Strategies', strategies ? [freeText(strategies)] : []),
    ...section('Notes', notes ? [freeText(notes)] : []),
  ]
    .join('\n\n')
    .concat('\n');
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, lines.join('\n')];
}

function statusOf({ status, outcome, skipReason }: WorkflowStep): string {
  return status === 'skipped' ? `skipped: ${text(skipReason ?? '')}` : (outcome ?? status);
}

function timesOf({ index, estimateSeconds }: WorkflowStep, time: WorkflowTime | null): string[] {
  const step = time?.steps.find((one) => one.index === index);
  return [
    step ? duration(step.seconds) : '',
    duration(estimateSeconds),
    step?.ratio == null ? '' : `${String(Math.round(step.ratio * 100))} %`,
  ];
}

function percent(ratio: number | null): string {
  return ratio === null ? '' : ` (${String(Math.round(ratio * 100))} %)`;
}

/** The document cut after its last whole line within so many characters, saying so. */
export function shortened(markdown: string, characters: number): string {
  if (markdown.length <= characters) return markdown;
  const note = '\n\n*(Cut: the whole report is in QA Intelligent PMS.)*\n';
  const room = characters - note.length;
  const end = markdown.lastIndexOf('\n', room);
  const cut = markdown.slice(0, end > 0 ? end : room);
  // A code block that was left open would swallow the note.
  const open = (cut.match(/^```/gm) ?? []).length % 2 === 1;
  return `${open ? `${cut.slice(0, room - 4)}\n\`\`\`` : cut}${note}`;
}

/** `1 h 02 min 03 s`, without what is zero in front. */
export function duration(seconds: number): string {
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (hours > 0) return `${String(hours)} h ${String(minutes).padStart(2, '0')} min ${String(rest).padStart(2, '0')} s`;
  return minutes > 0 ? `${String(minutes)} min ${String(rest).padStart(2, '0')} s` : `${String(rest)} s`;
}

/** What Markdown would read as mark-up anywhere; with the signs that make links of addresses. */
const SIGNS = /[\\`*_{}[\]()#+!|<>~&@]|:(?=\/\/)|(?<=\bwww)\./gi;
/** Plain text that stays plain text: what Markdown would read as mark-up is escaped, and a table stays in its row. */
function text(value: string): string {
  return (
    value
      .replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
      .replace(/[ \t]*[\r\n][ \t\r\n]*/g, ' ')
      .replace(SIGNS, '\\$&')
      // A list within the list that it stands in.
      .replace(/^(?:(\d+)(?=\.)|(?=-))/, '$1\\')
  );
}

function link(title: string, url: string | null | undefined): string {
  return url ? `[${text(title)}](<${url.replace(/[<>]/g, encodeURIComponent)}>)` : text(title);
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
