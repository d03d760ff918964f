import { JiraError } from './jira-error.js';
import type { SimulatedIssue } from './jira-types.js';

/** What a field of a clause is compared with, and how it sorts. */
const FIELDS: Record<string, (issue: SimulatedIssue) => string | number | null> = {
  project: (issue) => issue.fields.project.key,
  key: (issue) => issue.key,
  status: (issue) => issue.fields.status.name,
  type: (issue) => nameOf(issue.fields['issuetype']),
  assignee: (issue) => (issue.fields['assignee'] as { accountId?: string } | null)?.accountId ?? null,
  created: (issue) => Date.parse(issue.fields.created),
  updated: (issue) => Date.parse(issue.fields.updated),
};
const ALIASES: Record<string, string> = { issue: 'key', issuekey: 'key', id: 'key', issuetype: 'type' };
const DATES = new Set(['created', 'updated']);
const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

type Filter = (issue: SimulatedIssue) => boolean;

export interface Jql {
  matches: Filter;
  compare: (a: SimulatedIssue, b: SimulatedIssue) => number;
}

interface JqlContext {
  now: number;
  projectKeys: ReadonlySet<string>;
}

/**
 * The part of JQL that is enough for a sync: clauses with = != IN NOT IN < <= > >= joined by AND, then ORDER BY.
 * Anything else is refused as Jira refuses what it cannot parse; so is a query without any restriction.
 */
export function parseJql(jql: string, context: JqlContext): Jql {
  const tokens = tokenize(jql);
  const filters: Filter[] = [];
  const next = (): string => tokens.shift() ?? '';
  const nextIs = (word: string): boolean => tokens[0]?.toUpperCase() === word;
  while (tokens.length > 0 && !nextIs('ORDER')) {
    filters.push(readClause(tokens, context));
    if (tokens.length === 0 || nextIs('ORDER')) break;
    if (next().toUpperCase() !== 'AND') throw unreadable(jql);
  }
  if (filters.length === 0) {
    throw new JiraError(
      400,
      'Unbounded JQL queries are not allowed here. Please add a search restriction to your query.',
    );
  }
  const compare = readOrder(tokens, jql);
  return { matches: (issue) => filters.every((filter) => filter(issue)), compare };
}

function readClause(tokens: string[], context: JqlContext): Filter {
  const field = fieldOf(tokens.shift() ?? '');
  let operator = (tokens.shift() ?? '').toUpperCase();
  if (operator === 'NOT' && tokens.shift()?.toUpperCase() === 'IN') operator = 'NOT IN';
  const values = operator.endsWith('IN') ? readList(tokens) : [unquote(tokens.shift() ?? '')];
  const read = FIELDS[field] as (issue: SimulatedIssue) => string | number | null;
  if (field === 'project') checkProjects(values, context);
  if (DATES.has(field)) {
    const moment = readDate(values[0] ?? '', field, context.now);
    return (issue) => compareWith(operator, Number(read(issue)), moment);
  }
  const wanted = new Set(values.map((value) => value.toLowerCase()));
  const among: Filter = (issue) => wanted.has(String(read(issue)).toLowerCase());
  if (operator === '=' || operator === 'IN') return among;
  if (operator === '!=' || operator === 'NOT IN') return (issue) => !among(issue);
  throw new JiraError(400, `The operator '${operator}' is not supported by the '${field}' field.`);
}

function readList(tokens: string[]): string[] {
  if (tokens.shift() !== '(') throw new JiraError(400, 'Error in the JQL Query: Expecting a list of values.');
  const values: string[] = [];
  for (;;) {
    const token = tokens.shift();
    if (token === undefined) throw new JiraError(400, 'Error in the JQL Query: Expecting either "," or ")".');
    if (token === ')') return values;
    if (token !== ',') values.push(unquote(token));
  }
}

function readOrder(tokens: string[], jql: string): Jql['compare'] {
  if (tokens.length === 0) return (a, b) => Number(b.id) - Number(a.id);
  tokens.shift();
  if (tokens.shift()?.toUpperCase() !== 'BY') throw unreadable(jql);
  const keys: { read: (issue: SimulatedIssue) => string | number | null; sign: number }[] = [];
  while (tokens.length > 0) {
    const read = FIELDS[fieldOf(tokens.shift() ?? '')] as (issue: SimulatedIssue) => string | number | null;
    const direction = ['ASC', 'DESC'].includes(tokens[0]?.toUpperCase() ?? '') ? tokens.shift()?.toUpperCase() : 'ASC';
    keys.push({ read, sign: direction === 'DESC' ? -1 : 1 });
    if (tokens.length > 0 && tokens.shift() !== ',') throw unreadable(jql);
  }
  return (a, b) => {
    for (const { read, sign } of keys) {
      const difference = order(read(a), read(b));
      if (difference !== 0) return sign * difference;
    }
    return Number(a.id) - Number(b.id);
  };
}

function order(a: string | number | null, b: string | number | null): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a ?? '').localeCompare(String(b ?? ''), 'en', { numeric: true });
}

function compareWith(operator: string, value: number, moment: number): boolean {
  switch (operator) {
    case '>=':
      return value >= moment;
    case '>':
      return value > moment;
    case '<=':
      return value <= moment;
    case '<':
      return value < moment;
    default:
      throw new JiraError(400, `The operator '${operator}' is not supported for dates here.`);
  }
}

/** `2026-01-17`, `2026-01-17 12:34` (also with slashes), or relative as `-90m`; minutes are the finest. */
function readDate(value: string, field: string, now: number): number {
  const relative = /^([+-]?\d+)([mhdw])$/.exec(value);
  if (relative) return now + Number(relative[1]) * (UNIT_MS[relative[2] ?? 'm'] ?? 0);
  const absolute = /^(\d{4})[-/](\d{2})[-/](\d{2})(?: (\d{2}):(\d{2}))?$/.exec(value);
  if (!absolute) {
    throw new JiraError(
      400,
      `Date value '${value}' for field '${field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.`,
    );
  }
  const [, year, month, day, hour = '00', minute = '00'] = absolute;
  return Date.parse(`${String(year)}-${String(month)}-${String(day)}T${hour}:${minute}:00Z`);
}

function checkProjects(values: string[], { projectKeys }: JqlContext): void {
  const missing = values.find((value) => !projectKeys.has(value));
  if (missing !== undefined) throw new JiraError(400, `The value '${missing}' does not exist for the field 'project'.`);
}

function fieldOf(token: string): string {
  const name = unquote(token).toLowerCase();
  const field = ALIASES[name] ?? name;
  if (field in FIELDS) return field;
  throw new JiraError(400, `Field '${name}' does not exist or you do not have permission to view it.`);
}

/** Strings with backslash escapes, operators, brackets, commas, and bare words. */
function tokenize(jql: string): string[] {
  const tokens: string[] = [];
  const pattern = /\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[<>!]=|[=<>(),]|[^\s"'=<>!(),]+)/gy;
  let at = 0;
  for (let match = pattern.exec(jql); match; match = pattern.exec(jql)) {
    tokens.push(match[1] ?? '');
    at = pattern.lastIndex;
  }
  if (jql.slice(at).trim() !== '') throw unreadable(jql);
  return tokens;
}

function unquote(token: string): string {
  if (token === '') throw new JiraError(400, 'Error in the JQL Query: Expecting a value but got the end of the query.');
  return /^["']/.test(token) ? token.slice(1, -1).replace(/\\(.)/g, '$1') : token;
}

function nameOf(value: unknown): string | null {
  return (value as { name?: string } | null)?.name ?? null;
}

function unreadable(jql: string): JiraError {
  return new JiraError(400, `Error in the JQL Query: '${jql.slice(0, 100)}' cannot be understood.`);
}
