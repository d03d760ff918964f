import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Workflow } from '@qa-pms/contracts';
import type { Answer, Api } from './api.js';
import { counts, ticketKeys } from './checks.js';
import { Undocumented } from './documented.js';

type Kind = 'read' | 'tickets' | 'time' | 'notes' | 'command';

/** One request and how it ended. */
export interface Sample {
  kind: Kind;
  workflowId: string;
  /** Where it went. */
  url: string;
  startedAt: number;
  tookMs: number;
  /** 0: no answer came. */
  status: number;
  code: string;
}

/** What a client does in turn. A write is repeated until it is acknowledged, with reads between its tries. */
const TURN = ['read', 'notes', 'pause', 'tickets', 'resume', 'time'] as const;
/** What a client does who only writes: no query holds it up. */
const WRITES = ['notes', 'pause', 'resume'] as const;
/** Between two requests of a client, unless it says another. */
const PACE_MS = 20;
/** Between two requests of which none waits for another. */
const ASK_MS = 40;
/** After a refusal. */
const WAIT_MS = 100;
/** Refusals that ask for another try. */
const LATER = [503, 504];

interface LoadOptions {
  clients: number;
  /** Tickets that are somebody else's: as many are left out. */
  after?: number;
  /** Where each request goes, where that is not the address of the API. */
  route?: () => Api;
  /** Between two requests of a client. */
  paceMs?: number;
  /** Reads only between the tries of a write. */
  onlyWrites?: boolean;
}

/** People at work: each on a workflow of their own, always knowing what must be there. */
export class Load {
  readonly samples: Sample[] = [];
  /** Answers that must not be: other than promised, or other than what was acknowledged. */
  readonly wrong: string[] = [];
  /** Versions of the workflows that were acknowledged last. */
  readonly versions = new Map<string, number>();
  /** Addresses that may leave a request without an answer. */
  readonly mayBreak = new Set<string>();
  private running = true;
  private clients: Promise<void>[] = [];
  private readonly tell = (error: unknown): void => {
    this.wrong.push((error as Error).message);
  };

  private constructor(
    private readonly workflows: Workflow[],
    private readonly route: () => Api,
    private readonly paceMs: number,
    private readonly turn: readonly (typeof TURN)[number][],
  ) {
    for (const { id, rowVersion } of workflows) this.versions.set(id, rowVersion);
  }

  /** Starts a workflow for each client; `begin` sets them to work. */
  static async prepare(api: Api, options: LoadOptions): Promise<Load> {
    const { clients, after = 0, route = () => api, paceMs = PACE_MS, onlyWrites = false } = options;
    const keys = await ticketKeys(api, after + clients);
    const workflows: Workflow[] = [];
    for (const ticketKey of keys.slice(after)) {
      const { status, body, text } = await api.post<Workflow>('/workflows', { ticketKey, onActive: 'restart' });
      if (status >= 300) throw new Error(`${ticketKey} was not started: ${text}`);
      workflows.push(body);
    }
    return new Load(workflows, route, paceMs, onlyWrites ? WRITES : TURN);
  }

  static async start(api: Api, options: LoadOptions): Promise<Load> {
    const load = await Load.prepare(api, options);
    load.begin();
    return load;
  }

  begin(): void {
    this.clients = this.workflows.map((workflow, index) => this.work(workflow, index).catch(this.tell));
  }

  /** Ends when every client has its last write acknowledged. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.clients);
  }

  /** Asks for a while at an even pace, and waits for no answer: one that does not come holds up no other. */
  async ask(kind: 'read' | 'time', forMs: number): Promise<void> {
    const [id = ''] = this.versions.keys();
    const path = kind === 'read' ? `/workflows/${id}` : `/time/sessions/${id}`;
    const asked: Promise<unknown>[] = [];
    for (const end = Date.now() + forMs; Date.now() < end;) {
      asked.push(this.send(kind, id, (api) => api.get(path)).catch(this.tell));
      await sleep(ASK_MS);
    }
    await Promise.all(asked);
  }

  /** Milliseconds from a moment to the end of the first success, of each kind, that began after it. */
  recovery(since: number, of: (sample: Sample) => boolean = () => true): Record<Kind, number> {
    const first = (kind: Kind): number => {
      const good = this.samples.filter(
        (sample) => sample.kind === kind && sample.status === 200 && sample.startedAt >= since && of(sample),
      );
      return Math.min(...good.map(({ startedAt, tookMs }) => startedAt + tookMs - since));
    };
    return {
      read: first('read'),
      tickets: first('tickets'),
      time: first('time'),
      notes: first('notes'),
      command: first('command'),
    };
  }

  private async work(workflow: Workflow, index: number): Promise<void> {
    const { id } = workflow;
    const state = { id, version: workflow.rowVersion, notes: workflow.steps[0]?.notes ?? null };
    // Not all do the same at the same moment.
    await sleep((index * this.paceMs) / 2);
    // Each turn is gone to its end: the next load begins with what is active.
    for (let count = 0; this.running || count % this.turn.length > 0; count += 1) {
      const step = this.turn[count % this.turn.length] ?? 'read';
      if (step === 'read' || step === 'tickets' || step === 'time') await this.look(step, state, null);
      else await this.write(step, state, `${id} ${String(count)}`);
      await sleep(this.paceMs);
    }
  }

  private async write(step: 'notes' | 'pause' | 'resume', state: State, notes: string): Promise<void> {
    const headers = { 'idempotency-key': randomUUID() };
    const path = `/workflows/${state.id}`;
    for (let tries = 1; ; tries += 1) {
      const answer =
        step === 'notes'
          ? await this.send<Workflow>('notes', state.id, (api) => api.patch(`${path}/steps/0`, { notes }, headers))
          : await this.send<Workflow>('command', state.id, (api) => api.post(`${path}/${step}`, {}, headers));
      if (answer) {
        const { rowVersion } = answer.body;
        // Keys are for POST: a repeated PATCH may be applied again, to the same effect.
        const most = state.version + (step === 'notes' ? tries : 1);
        if (rowVersion <= state.version || rowVersion > most)
          this.wrong.push(`${step} of version ${String(state.version)} led to ${String(rowVersion)}`);
        state.version = rowVersion;
        if (step === 'notes') state.notes = notes;
        this.versions.set(state.id, rowVersion);
        return;
      }
      await sleep(WAIT_MS);
      await this.look(tries % 2 === 0 ? 'tickets' : 'read', state, { tries, notes: step === 'notes' ? notes : null });
      await sleep(WAIT_MS);
    }
  }

  /** Reads; `open` is a write of which it is not known whether it was applied. */
  private async look(kind: 'read' | 'tickets' | 'time', state: State, open: OpenWrite | null): Promise<void> {
    if (kind === 'tickets') {
      await this.send(kind, state.id, (api) => api.get('/tickets?page_size=5'));
      return;
    }
    if (kind === 'time') {
      const path = `/time/sessions/${state.id}?after_row_version=${String(state.version)}`;
      await this.send(kind, state.id, (api) => api.get(path));
      return;
    }
    const answer = await this.send<Workflow>(kind, state.id, (api) => api.get(`/workflows/${state.id}`));
    if (!answer) return;
    const { rowVersion, steps } = answer.body;
    const [notes, most] = [steps[0]?.notes ?? null, state.version + (open?.tries ?? 0)];
    if (rowVersion < state.version || rowVersion > most)
      this.wrong.push(`version ${String(rowVersion)} was read where ${String(state.version)} was acknowledged`);
    if (notes !== state.notes && (open?.notes == null || notes !== open.notes))
      this.wrong.push(`notes ${String(notes)} were read where ${String(state.notes)} were acknowledged`);
  }

  /** The answer of a request that succeeded; null where it is to be tried again. */
  private async send<T>(
    kind: Kind,
    workflowId: string,
    request: (api: Api) => Promise<Answer<T>>,
  ): Promise<Answer<T> | null> {
    const startedAt = Date.now();
    const api = this.route();
    const answer = await request(api).catch((error: unknown) => {
      if (error instanceof Undocumented) throw error;
      const { message, cause } = error as Error;
      if (!this.mayBreak.has(api.url)) this.wrong.push(`${kind} ended without an answer: ${message} ${String(cause)}`);
      return null;
    });
    const code = String((answer?.body as { code?: unknown } | null)?.code ?? '');
    const status = answer?.status ?? 0;
    this.samples.push({ kind, workflowId, url: api.url, startedAt, tookMs: Date.now() - startedAt, status, code });
    if (!answer || status === 200) return answer;
    if (code === 'IDEMPOTENCY_IN_PROGRESS' || (LATER.includes(status) && keepsContract(answer))) return null;
    const headers = JSON.stringify([...answer.headers.entries()]);
    throw new Error(`${kind} answered ${String(status)} ${answer.text.slice(0, 300)} ${headers}`);
  }
}

interface State {
  id: string;
  version: number;
  notes: string | null;
}

interface OpenWrite {
  tries: number;
  notes: string | null;
}

/** How requests ended, for the reader: how many in which way, and how long they took. */
export function summary(samples: Sample[]): string {
  const answers = counts(
    samples.map(({ status, code }) => (status === 0 ? 'no answer' : `${String(status)} ${code}`.trim())),
  );
  const took = samples.map(({ tookMs }) => tookMs).sort((one, other) => one - other);
  const [half, most] = [took[Math.floor(took.length / 2)], took.at(-1)];
  return `${answers} in P50 ${String(half)}, max ${String(most)} ms`;
}

/** The error contract, with the time to wait. */
function keepsContract({ headers, body }: Answer<unknown>): boolean {
  const error = body as Record<string, unknown> | null;
  return (
    Number(headers.get('retry-after')) >= 1 &&
    typeof error?.['error'] === 'string' &&
    typeof error['details'] === 'object' &&
    error['requestId'] === headers.get('x-request-id') &&
    'traceId' in error
  );
}
