import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IssueFields, SimulatedComment, SimulatedIssue } from './jira-types.js';

/**
 * Issues of every `*.json` file of a folder: each a bare array of issues, or a search answer `{issues: […]}`. Keys,
 * statuses and everything else stay as they are. Throws where a file is neither, naming it.
 */
export function loadIssues(folder: string): SimulatedIssue[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort();
  return names.flatMap((name) => readIssues(name, JSON.parse(readFileSync(join(folder, name), 'utf8'))));
}

function readIssues(name: string, content: unknown): SimulatedIssue[] {
  const list = Array.isArray(content) ? content : (content as { issues?: unknown } | null)?.issues;
  if (!Array.isArray(list)) throw new Error(`${name} is neither an array of issues nor {"issues": […]}.`);
  return list.map((one: unknown, index) => {
    const { id, key, fields } = (one ?? {}) as { id?: unknown; key?: unknown; fields?: IssueFields };
    if (typeof key !== 'string' || !fields?.status) {
      throw new Error(`${name}: entry ${String(index)} is not an issue with a key and a status.`);
    }
    const { comment, ...rest } = fields as IssueFields & { comment?: { comments?: SimulatedComment[] } };
    const comments = (comment?.comments ?? []).map((each) => ({ ...each, properties: [] }));
    const project = (rest['project'] as IssueFields['project'] | undefined) ?? {
      key: key.slice(0, key.lastIndexOf('-')),
    };
    return { id: String(id ?? index), key, fields: { ...rest, project }, comments, worklogs: [] };
  });
}
