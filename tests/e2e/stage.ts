import { setTimeout as sleep } from 'node:timers/promises';
import type { GapAlert, Project, Report, Template, Transition, UserAccount, Workflow } from '@qa-pms/contracts';
import type { Answer, Api } from './api.js';
import { timesAfter } from './checks.js';
import type { Operation } from './operations.js';

/** What an operation needs to succeed: parameters of its address, fields of its body, an ETag. */
export interface Scene {
  path: Record<string, string>;
  body: Record<string, unknown>;
  etag: string | null;
}

const STEPS = ['First', 'Second'].map((name) => ({ name, description: 'Look.', estimateSeconds: 1 }));
/** Longer than 120 % of a step's estimate, so that it is a gap. */
const GAP_MS = 1_400;
/** Memberships take effect within a second. */
const MEMBERSHIP_MS = 1_100;

/** States that a workflow is brought to, by what is to be done with it. */
const PREPARED: [pattern: RegExp, state: 'paused' | 'one done' | 'all done' | 'completed'][] = [
  [/\/(resume|handover)$/, 'paused'],
  [/\/(reopen|corrections)$/, 'one done'],
  [/\/workflows\/\{id\}\/complete$/, 'all done'],
  [/\/reports/, 'completed'],
];

/** Makes what operations work on: tickets are in the simulated Jira, all else is made here. */
export class Stage {
  private count = 0;
  private tickets: string[] = [];
  private readonly ticketsOf = new Map<string, string>();
  private template!: Template;
  private user!: UserAccount;
  private project!: Project;
  private colleague = '';
  private alert = '';

  constructor(
    private readonly qa: Api,
    private readonly admin: Api,
  ) {}

  /** Makes what all scenes share. */
  async set(colleague: string): Promise<void> {
    this.colleague = colleague;
    for (let attempt = 0; this.tickets.length === 0 && attempt < 200; attempt += 1) {
      const { body } = await this.qa.get<{ data: { key: string }[] }>('/tickets?page_size=100');
      this.tickets = body.data.map(({ key }) => key);
      if (this.tickets.length === 0) await sleep(100);
    }
    this.template = await this.newTemplate();
    this.user = await made(this.admin.post<UserAccount>('/users', { ...ACCOUNT, displayName: 'Spare', roles: ['qa'] }));
    this.project = await this.newProject();
    const { id } = await this.workflow('alert');
    await sleep(GAP_MS);
    await made(this.qa.post(`/workflows/${id}/steps/0/complete`));
    while (this.alert === '') {
      const { body } = await this.qa.get<{ data: GapAlert[] }>(`/time/alerts?workflow_id=${id}`);
      this.alert = body.data[0]?.id ?? '';
    }
  }

  /** A scene in which the operation succeeds. */
  async sceneOf({ id: name, path: whole, method, needsIfMatch }: Operation): Promise<Scene> {
    const path = whole.replace('/api/v1', '');
    const number = (this.count += 1);
    const moment = Date.now() - 3_600_000;
    const ticketKey = this.ticketOf(name);
    const scene: Scene = {
      path: { index: '0', key: ticketKey, ticketKey, userId: this.colleague },
      body: {
        ticketKey,
        templateId: this.template.id,
        onActive: 'restart',
        userId: this.colleague,
        toUserId: this.colleague,
        key: `P${String(number)}`,
        username: `user${String(number)}`,
        startedAt: new Date(moment).toISOString(),
        endedAt: new Date(moment + 60_000).toISOString(),
      },
      etag: null,
    };
    if (name === 'postAuthLogin') Object.assign(scene.body, ACCOUNT);
    else if (path.startsWith('/users/{id}')) scene.path['id'] = this.user.id;
    else if (path.startsWith('/workflows/templates/{id}')) scene.path['id'] = (await this.newTemplate()).id;
    else if (path.startsWith('/projects/{id}')) await this.setProject(scene, name, method);
    else if (path.startsWith('/time/alerts/{id}')) scene.path['id'] = this.alert;
    else if (/^\/(workflows|reports|time\/sessions)/.test(path) && name !== 'postWorkflows')
      await this.setWorkflow(scene, path, name);
    else if (path.endsWith('/transitions')) scene.body['transitionId'] = await this.transition(ticketKey);
    if (needsIfMatch) {
      const { headers } = await this.admin.get(path.replace(/\{id\}.*/, scene.path['id'] ?? ''));
      scene.etag = headers.get('etag');
    }
    return scene;
  }

  private async setProject({ path }: Scene, name: string, method: string): Promise<void> {
    const { id } = name === 'deleteProjectsById' ? await this.newProject() : this.project;
    path['id'] = id;
    if (method === 'DELETE')
      await this.admin.post(`/projects/${id}/members`, { userId: this.colleague, roles: ['qa'] });
  }

  private async setWorkflow({ path, body }: Scene, pattern: string, name: string): Promise<void> {
    const workflow = await this.workflow(name, PREPARED.find(([ending]) => ending.test(pattern))?.[1]);
    const { id, rowVersion } = workflow;
    Object.assign(path, { id, workflowId: id });
    body['workflowId'] = id;
    if (pattern.startsWith('/time')) {
      const time = await timesAfter(this.qa, id, rowVersion);
      if (pattern.includes('{id}')) path['id'] = time.steps[0]?.sessions[0]?.id ?? '';
    }
    if (!pattern.startsWith('/reports')) return;
    const report = await this.timedReport(id);
    path['id'] = report.id;
    if (pattern === '/reports') await made(this.qa.post(`/reports/${report.id}/finalise`, {}, { 'if-match': '*' }));
  }

  /** The report of a completed workflow, with its times: nothing changes it any more but who works on it. */
  async timedReport(workflowId: string): Promise<Report> {
    for (let attempt = 1; ; attempt += 1) {
      const { body } = await this.qa.get<Report>(`/reports/workflow/${workflowId}`);
      if (body.content.time !== null || attempt === 500) return body;
      await sleep(20);
    }
  }

  /** A new workflow, on a ticket of its own for each operation that it is for. */
  async workflow(operation: string, state?: (typeof PREPARED)[number][1]): Promise<Workflow> {
    const post = (path: string, body = {}): Promise<Workflow> =>
      made(this.qa.post<Workflow>(`/workflows${path}`, body));
    let workflow = await post('', {
      ticketKey: this.ticketOf(operation),
      templateId: this.template.id,
      onActive: 'restart',
    });
    const { id } = workflow;
    if (state === 'paused') return post(`/${id}/pause`);
    if (state !== undefined) workflow = await post(`/${id}/steps/0/complete`);
    if (state === 'all done' || state === 'completed') workflow = await post(`/${id}/steps/1/complete`);
    return state === 'completed' ? post(`/${id}/complete`) : workflow;
  }

  /** One of its own for each operation: a person has one active workflow on a ticket. */
  private ticketOf(operation: string): string {
    const known = this.ticketsOf.get(operation);
    if (known !== undefined) return known;
    const key = this.tickets[this.ticketsOf.size % this.tickets.length] ?? '';
    this.ticketsOf.set(operation, key);
    return key;
  }

  private async transition(key: string): Promise<string> {
    const { body } = await this.qa.get<{ data: Transition[] }>(`/tickets/${key}/transitions`);
    return body.data[0]?.id ?? '';
  }

  private newTemplate(): Promise<Template> {
    return made(this.admin.post<Template>('/workflows/templates', { name: 'Two steps', steps: STEPS }));
  }

  private async newProject(): Promise<Project> {
    const key = `S${String((this.count += 1))}`;
    const project = await made(this.admin.post<Project>('/projects', { key, name: 'Spare' }));
    await sleep(MEMBERSHIP_MS);
    return project;
  }
}

const ACCOUNT = { username: 'spare', password: 'a password that is long' };

async function made<T>(sent: Promise<Answer<T>>): Promise<T> {
  const { status, text, body } = await sent;
  if (status >= 300) throw new Error(`setting the stage was answered with ${String(status)}: ${text}`);
  return body;
}
