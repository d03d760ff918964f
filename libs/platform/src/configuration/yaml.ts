import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { EVENT_ID, type Event, getScalarValue, parseEvents, SCALAR_STYLE, type YAMLException } from 'js-yaml';

// Node loads this very file in a worker, in tests as TypeScript: no import of another source, no syntax that is not erased.

/** A part of a YAML document; lines and columns count from 1. */
export type YamlNode = { line: number; column: number } & (
  | {
      kind: 'text';
      text: string;
      /** Without quotes: `~` and nothing at all then mean that nothing is given. */
      plain: boolean;
      /** Place of its content in the source, without quotes; -1 where there is none. */
      start: number;
      end: number;
      /** Indentation of a block (`|` or `>`); -1 elsewhere. */
      indent: number;
    }
  | { kind: 'list'; items: YamlNode[] }
  | { kind: 'map'; entries: YamlEntry[] }
);

/** A name of a map with its value. */
export interface YamlEntry {
  name: string;
  line: number;
  column: number;
  value: YamlNode;
}

export interface YamlFault {
  line: number;
  column: number;
  /** A sentence without its full stop. */
  problem: string;
}

/** A document, or what is wrong with it. */
export interface YamlDocument {
  /** Null where the document is empty. */
  root: YamlNode | null;
  faults: YamlFault[];
}

/** Deeper than any setting stands. */
const MOST_DEPTH = 30;
/** 10,000 lines of sections in lists have 30,000; a file of the largest size can have half a million, and takes 500 MB. */
const MOST_EVENTS = 100_000;
/** Nobody reads more, and each takes memory. */
const MOST_FAULTS = 1_000;

/**
 * Reads the plain part of YAML 1.2: maps, lists and texts. All scalars are texts: what a setting takes says its class.
 * Anchors, aliases, merge keys, tags and duplicate keys are faults: with them a small file can become a huge one, or say
 * what its reader does not see.
 */
export function parseYaml(source: string): YamlDocument {
  try {
    const events = parseEvents(source, { maxDepth: MOST_DEPTH });
    if (events.length <= MOST_EVENTS) return new Composer(source, events).document();
    const problem = `the file holds more than ${String(MOST_EVENTS)} keys and values`;
    return { root: null, faults: [{ line: 1, column: 1, problem }] };
  } catch (error) {
    // js-yaml says that it may throw others than its own: https://github.com/nodeca/js-yaml/blob/master/docs/safety.md
    const { mark, reason, message } = error as Partial<YAMLException> & Error;
    const { line, column } = mark ?? { line: 0, column: 0 };
    return { root: null, faults: [{ line: line + 1, column: column + 1, problem: reason ?? message }] };
  }
}

class Composer {
  private readonly faults: YamlFault[] = [];
  private readonly lines = [0];
  private next = 0;
  /** Events without a place of their own stand where the one before did. */
  private last = 0;
  private line = 0;
  private readonly source: string;
  private readonly events: Event[];

  constructor(source: string, events: Event[]) {
    this.source = source;
    this.events = events;
    for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) this.lines.push(at + 1);
  }

  document(): YamlDocument {
    if (this.events.length === 0) return { root: null, faults: [] };
    this.next = 1;
    const root = this.node();
    if (this.events[this.next + 1]?.type === EVENT_ID.DOCUMENT) {
      this.fault(this.last, 'the file holds more than one document: remove the second "---" and what follows');
    }
    return { root, faults: this.faults };
  }

  private node(): YamlNode {
    const event = this.events[this.next++]!;
    switch (event.type) {
      case EVENT_ID.SCALAR:
        this.refuseProperties(event);
        if (event.valueStart >= 0) this.last = event.valueStart;
        return {
          kind: 'text',
          text: getScalarValue(this.source, event),
          plain: event.style === SCALAR_STYLE.PLAIN,
          start: event.valueStart,
          end: event.valueEnd,
          indent: event.style >= SCALAR_STYLE.LITERAL_BLOCK ? event.indent : -1,
          ...this.position(this.last),
        };
      case EVENT_ID.SEQUENCE:
        this.refuseProperties(event);
        this.last = event.start;
        return { kind: 'list', ...this.position(event.start), items: this.items() };
      case EVENT_ID.MAPPING:
        this.refuseProperties(event);
        this.last = event.start;
        return { kind: 'map', ...this.position(event.start), entries: this.entries() };
      case EVENT_ID.ALIAS:
        this.fault(event.anchorStart, 'aliases (*name) are not allowed: write the value again');
        return this.nothing();
      default:
        return this.nothing();
    }
  }

  private items(): YamlNode[] {
    const items: YamlNode[] = [];
    while (this.events[this.next]!.type !== EVENT_ID.POP) items.push(this.node());
    this.next += 1;
    return items;
  }

  private entries(): YamlEntry[] {
    const entries = new Map<string, YamlEntry>();
    while (this.events[this.next]!.type !== EVENT_ID.POP) {
      const key = this.node();
      const { line, column } = key;
      const value = this.node();
      if (key.kind !== 'text') {
        this.add({ line, column, problem: 'a key must be a single word' });
        continue;
      }
      const name = key.text;
      const earlier = entries.get(name);
      if (name === '<<') this.add({ line, column, problem: 'merge keys (<<) are not allowed' });
      else if (earlier) {
        this.add({ line, column, problem: `"${clip(name)}" was said before, in line ${String(earlier.line)}` });
      } else entries.set(name, { name, line, column, value });
    }
    this.next += 1;
    return [...entries.values()];
  }

  private refuseProperties({ anchorStart, tagStart }: { anchorStart: number; tagStart: number }): void {
    if (anchorStart >= 0) this.fault(anchorStart, 'anchors (&name) are not allowed');
    if (tagStart >= 0) this.fault(tagStart, 'tags (!name) are not allowed: write the value alone');
  }

  private nothing(): YamlNode {
    return { kind: 'text', text: '', plain: true, start: -1, end: -1, indent: -1, ...this.position(this.last) };
  }

  private fault(offset: number, problem: string): void {
    this.add({ ...this.position(offset), problem });
  }

  private add(fault: YamlFault): void {
    if (this.faults.length < MOST_FAULTS) this.faults.push(fault);
  }

  /** Offsets come nearly in their order: the line is looked for from the one before. */
  private position(offset: number): { line: number; column: number } {
    const { lines } = this;
    while (this.line > 0 && lines[this.line]! > offset) this.line -= 1;
    while (this.line + 1 < lines.length && lines[this.line + 1]! <= offset) this.line += 1;
    return { line: this.line + 1, column: offset - lines[this.line]! + 1 };
  }
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

const MARK = 'qa-pms yaml';
const WORKER_LIMIT_MS = 2_000;
/** The worst file of the largest size takes 100 MB. */
const WORKER_MEGABYTES = 200;

/** parseYaml beside the event loop, for a process that serves. Costs the start of a thread. */
export async function parseYamlInWorker(source: string): Promise<YamlDocument> {
  const worker = new Worker(fileURLToPath(import.meta.url), {
    workerData: { mark: MARK, source },
    resourceLimits: { maxOldGenerationSizeMb: WORKER_MEGABYTES },
    execArgv: [],
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<YamlDocument>((resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`takes longer than ${String(WORKER_LIMIT_MS / 1_000)} s to read`));
      }, WORKER_LIMIT_MS);
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

const given = workerData as { mark?: string; source: string } | null;
if (!isMainThread && given?.mark === MARK) parentPort?.postMessage(parseYaml(given.source));
