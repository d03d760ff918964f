import { styleText } from 'node:util';

/** How a command answers: for people, or as one document for scripts. */
export type OutputForm = 'text' | 'json' | 'yaml';
export const OUTPUT_FORMS = ['text', 'json', 'yaml'] as const;

type Style = 'red' | 'green' | 'yellow' | 'bold' | 'dim';

/** What all commands are given. */
export interface Context {
  /** The configuration file that `--config` names. */
  file: string | null;
  output: Output;
}

/** Where a command's answer goes: to standard output; what is said on the way goes to standard error. */
export class Output {
  constructor(
    readonly form: OutputForm,
    private readonly colour: boolean,
  ) {}

  /** Prints the answer: the data, or for people the text. */
  async print(data: unknown, text: () => string): Promise<void> {
    process.stdout.write(`${(await this.render(data, text)).trimEnd()}\n`);
  }

  /** A line for people about what goes on; scripts that read the answer do not get it. */
  note(line: string): void {
    (this.form === 'text' ? process.stdout : process.stderr).write(`${line}\n`);
  }

  /** Coloured on a terminal, where neither `--no-color` nor NO_COLOR says otherwise. */
  style(style: Style, text: string): string {
    return this.colour ? styleText(style, text, { stream: process.stdout }) : text;
  }

  /** Tells how far long work is, on a terminal only; `done` removes the line. */
  progress(what: string): { at: (done: number, total: number) => void; done: () => void } {
    const { stderr } = process;
    if (!stderr.isTTY) return { at: () => undefined, done: () => undefined };
    let shown = 0;
    return {
      at: (done, total) => {
        if (Date.now() - shown < 100) return;
        shown = Date.now();
        const share = total === 0 ? 1 : Math.min(1, done / total);
        const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░');
        stderr.write(`\r\x1b[2K${what} ${bar} ${String(Math.floor(share * 100))} %`);
      },
      done: () => stderr.write('\r\x1b[2K'),
    };
  }

  private async render(data: unknown, text: () => string): Promise<string> {
    if (this.form === 'text') return text();
    if (this.form === 'json') return JSON.stringify(data, null, 2);
    const { dump } = await import('js-yaml');
    // Dates and the like as JSON has them, so that both forms say the same.
    return dump(JSON.parse(JSON.stringify(data)) as object, { lineWidth: 120 });
  }
}

/** Rows below their names, as wide as they need. */
export function table(names: string[], rows: string[][]): string {
  const all = [names.map((name) => name.toUpperCase()), ...rows];
  const widths = names.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
