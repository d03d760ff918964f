import type { AcceptanceCriterion } from '@qa-pms/contracts';
import { type Block, readBlocks } from './blocks.js';

const HEADING = /^\W*(?:acceptance(?: criteria)?|criteria of acceptance|a\.?c\.?)\W*$/i;
/** Keywords with a colon: https://cucumber.io/docs/gherkin/reference/ */
const SECTION = /^(?:Feature|Rule|Background|Scenario(?: Outline| Template)?|Example|Scenarios|Examples):/;
const NEW_SCENARIO = /^(?:Feature|Rule|Scenario(?: Outline| Template)?|Example):/;
const STEP = /^(?:Given|When|Then|And|But)\b/;
/** What may stand between steps: tags, comments, table rows, texts in triple quotes. */
const BETWEEN = /^(?:@|#|\||""")/;
const ONE_LINE = /^Given\b.*\sWhen\s.*\sThen\s/s;

/**
 * Acceptance criteria of a description: Gherkin wherever it stands, also in code blocks and one line a paragraph; and
 * whatever stands under a heading "Acceptance criteria", item by item. `When` at the start of a sentence is not enough:
 * without `Scenario:` or the like there must be a `Then` and a `Given` or `When`.
 */
export function acceptanceCriteria(description: unknown): AcceptanceCriterion[] {
  const found: AcceptanceCriterion[] = [];
  let criteriaLevel: number | null = null;
  let open: Block[] = [];

  const flush = (): void => {
    const text = open.map((block) => block.text).join('\n');
    if (open.length > 0 && isGherkin(text)) found.push({ format: 'gherkin', text });
    else if (criteriaLevel !== null) open.forEach((block) => found.push({ format: 'text', text: block.markdown }));
    open = [];
  };

  for (const block of readBlocks(description)) {
    if (block.text === '') continue;
    if (block.kind === 'heading' && !SECTION.test(block.text)) {
      flush();
      if (HEADING.test(block.text)) criteriaLevel = block.level;
      else if (criteriaLevel !== null && block.level <= criteriaLevel) criteriaLevel = null;
      continue;
    }
    const text = ONE_LINE.test(block.text) && !block.text.includes('\n') ? splitSteps(block.text) : block.text;
    if (block.kind === 'code') {
      flush();
      if (isGherkin(text)) found.push({ format: 'gherkin', text });
      else if (criteriaLevel !== null) found.push({ format: 'text', text: block.markdown });
      continue;
    }
    const begins = SECTION.test(text) || STEP.test(text) || (open.length > 0 && BETWEEN.test(text));
    if (!begins || startsAnother(text, open)) flush();
    if (begins) open.push({ ...block, text });
    else if (criteriaLevel !== null) found.push({ format: 'text', text: block.markdown });
  }
  flush();
  return found;
}

/** Whether a text as a whole is Gherkin. */
export function isGherkin(text: string): boolean {
  const lines = linesOf(text);
  const first = lines.find((line) => !/^[@#]/.test(line)) ?? '';
  if (!SECTION.test(first) && !/^(?:Given|When|Then)\b/.test(first)) return false;
  const steps = lines.filter((line) => STEP.test(line));
  if (SECTION.test(first)) return steps.length > 0;
  return steps.some((step) => step.startsWith('Then')) && steps.some((step) => /^(?:Given|When)/.test(step));
}

function startsAnother(text: string, open: Block[]): boolean {
  const lines = open.flatMap((block) => linesOf(block.text));
  if (NEW_SCENARIO.test(text))
    return lines.some((line) => STEP.test(line)) && !lines.some((line) => line.startsWith('Background:'));
  return text.startsWith('Given') && lines.some((line) => line.startsWith('Then'));
}

function splitSteps(line: string): string {
  return line.replace(/\s+(?=(?:When|Then|And|But)\s)/g, '\n');
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
