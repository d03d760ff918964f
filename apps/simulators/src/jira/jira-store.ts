import { JiraError } from './jira-error.js';
import type { IssueChange, Journal } from './journal.js';
import type { AdfNode, SimulatedAccount, SimulatedComment, SimulatedIssue } from './jira-types.js';
import { type SimulatedTransition, transitionsOf } from './statuses.js';

/** Jira's way to write a moment: milliseconds and an offset without a colon, never `Z`. */
export function jiraTime(date: Date): string {
  return date.toISOString().replace('Z', '+0000');
}

const JIRA_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{4}$/;

/** The issues of the simulated site, in memory; a journal remembers what was done to them. */
export class JiraStore {
  private readonly issues = new Map<string, SimulatedIssue>();
  private nextId = 90_000;

  constructor(
    issues: SimulatedIssue[],
    /** Whose credentials the calls carry. */
    readonly account: SimulatedAccount,
    private readonly now: () => Date,
    private readonly journal: Journal | null,
  ) {
    for (const issue of issues) this.issues.set(issue.key, issue);
    for (const change of journal?.changes ?? []) this.apply(change);
  }

  all(): SimulatedIssue[] {
    return [...this.issues.values()];
  }

  projectKeys(): Set<string> {
    return new Set(this.all().map((issue) => issue.fields.project.key));
  }

  find(idOrKey: string): SimulatedIssue | undefined {
    return this.issues.get(idOrKey) ?? this.all().find((issue) => issue.id === idOrKey);
  }

  /** Throws Jira's 404. */
  get(idOrKey: string): SimulatedIssue {
    const issue = this.find(idOrKey);
    if (!issue) throw new JiraError(404, 'Issue does not exist or you do not have permission to see it.');
    return issue;
  }

  /** Changes fields as if somebody had done it in Jira. */
  change(key: string, fields: Record<string, unknown>): void {
    this.make({ key: this.get(key).key, fields: this.touched(fields) });
  }

  remove(key: string): void {
    this.make({ key, removed: true });
  }

  transitions(issue: SimulatedIssue): SimulatedTransition[] {
    const siblings = this.all().filter((other) => other.fields.project.key === issue.fields.project.key);
    return transitionsOf(issue, siblings);
  }

  transition(issue: SimulatedIssue, transitionId: string | undefined): void {
    if (transitionId === undefined) throw new JiraError(400, "Missing 'transition' identifier");
    const transition = this.transitions(issue).find(({ id }) => id === transitionId);
    if (!transition) {
      throw new JiraError(400, `Transition id '${transitionId}' is not valid for this issue.`);
    }
    this.make({ key: issue.key, fields: this.touched({ status: transition.to }) });
  }

  comment(issue: SimulatedIssue, body: unknown, properties: unknown): SimulatedComment {
    if (!isDocument(body)) throw new JiraError(400, { comment: 'Comment body is not valid!' });
    const comment: SimulatedComment = {
      id: String(this.nextId),
      author: this.account,
      body,
      created: jiraTime(this.now()),
      updated: jiraTime(this.now()),
      properties: (Array.isArray(properties) ? properties : []) as SimulatedComment['properties'],
    };
    this.make({ key: issue.key, fields: this.touched(), comment });
    return comment;
  }

  worklog(issue: SimulatedIssue, body: Record<string, unknown>): Record<string, unknown> {
    const { started, timeSpentSeconds, comment } = body;
    if (typeof started !== 'string' || !JIRA_TIME.test(started)) {
      throw new JiraError(400, {
        started:
          "Worklog must have a valid started date: yyyy-MM-dd'T'HH:mm:ss.SSSZ, such as 2026-01-17T12:34:00.000+0000.",
      });
    }
    if (typeof timeSpentSeconds !== 'number' || timeSpentSeconds < 60) {
      throw new JiraError(400, { timeLogged: 'You must indicate the time spent working on the issue.' });
    }
    if (comment !== undefined && !isDocument(comment)) throw new JiraError(400, { comment: 'Comment is not valid!' });
    const time = jiraTime(this.now());
    const author = this.account;
    const worklog = {
      id: String(this.nextId),
      issueId: issue.id,
      author,
      updateAuthor: author,
      ...(comment !== undefined && { comment }),
      created: time,
      updated: time,
      started,
      timeSpent: `${String(Math.round(timeSpentSeconds / 60))}m`,
      timeSpentSeconds,
    };
    const kept = { ...worklog, properties: body['properties'] ?? [] };
    this.make({ key: issue.key, fields: this.touched(), worklog: kept });
    return worklog;
  }

  private touched(fields: Record<string, unknown> = {}): Record<string, unknown> {
    return { ...fields, updated: jiraTime(this.now()) };
  }

  private make(change: IssueChange): void {
    this.journal?.write(change);
    this.apply(change);
  }

  private apply({ key, fields, comment, worklog, removed }: IssueChange): void {
    if (removed) this.issues.delete(key);
    const issue = this.issues.get(key);
    // An issue of a file may be gone with its file.
    if (!issue) return;
    Object.assign(issue.fields, fields);
    if (comment) issue.comments.push(comment);
    if (worklog) issue.worklogs.push(worklog);
    const id = comment?.id ?? worklog?.id;
    if (id !== undefined) this.nextId = Number(id) + 1;
  }
}

function isDocument(body: unknown): body is AdfNode {
  const { type, version, content } = (body ?? {}) as Partial<AdfNode>;
  return type === 'doc' && version === 1 && Array.isArray(content) && content.length > 0;
}
