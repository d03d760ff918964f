import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode, fieldsOf } from '@qa-pms/contracts';
import type { Route } from '../routes/route.js';
import { headersOf, REQUEST_ID } from './headers.js';
import type { SchemaObject } from './schemas.js';

/** Whatever is asked for, the part of the system that knows may not answer now. */
export const NOT_NOW = ['OVERLOADED', 'SHUTTING_DOWN', 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT'] as const;
/** Statuses with which `Retry-After` comes. */
const LATER = [429, 503, 504];

const ERROR = '#/components/schemas/Error';

const ID = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e61';
const SPAN = { startedAt: '2026-11-21T09:00:00.000Z', endedAt: '2026-11-21T09:30:00.000Z' };

/** Facts of the examples; codes that are not here come without. */
const DETAILS: Partial<Record<ErrorCode, Record<string, unknown>>> = {
  VALIDATION_ERROR: { violations: [{ path: 'id', rule: 'isUuid', message: 'id must be a UUID' }] },
  MALFORMED_JSON: { reason: 'Unexpected end of JSON input' },
  ANSWER_TOO_LARGE: { limitBytes: 8_000_000 },
  PROJECT_REQUIRED: { projects: ['DEMO', 'OTHER'] },
  UNAUTHENTICATED: { reason: 'The token has expired.' },
  FORBIDDEN: { permission: 'workflows:write' },
  TICKET_NOT_FOUND: { key: 'DEMO-999' },
  TEMPLATE_NOT_FOUND: { id: ID },
  WORKFLOW_NOT_FOUND: { id: ID },
  STEP_NOT_FOUND: { index: 9, steps: 5 },
  SESSION_NOT_FOUND: { id: ID },
  ALERT_NOT_FOUND: { id: ID },
  REPORT_NOT_FOUND: { id: ID },
  PROJECT_NOT_FOUND: { id: 'PMS' },
  USER_NOT_FOUND: { id: ID },
  MEMBER_NOT_FOUND: { id: ID },
  TRANSITION_NOT_FOUND: { key: 'DEMO-1', id: '41' },
  PROJECT_KEY_TAKEN: { key: 'PMS' },
  USERNAME_TAKEN: { username: 'qa' },
  MEMBER_LACKS_PERMISSION: { userId: ID, permission: 'workflows:write' },
  WORKFLOW_ALREADY_ACTIVE: { workflowId: ID, status: 'paused' },
  WORKFLOW_INVALID_STATE: { status: 'paused', allowed: ['resume', 'handover', 'cancel'] },
  WORKFLOW_STEPS_OPEN: { openSteps: [2, 3] },
  TEMPLATE_SEEDED: { id: ID },
  REPORT_FINAL: { version: 1 },
  REPORT_TIMES_PENDING: { id: ID },
  REPORT_DRAFT_OPEN: { reportId: ID },
  CORRECTION_OVERLAPS: { corrected: SPAN, other: SPAN },
  PRECONDITION_FAILED: { rowVersion: 8 },
  CONTENT_TOO_LARGE: { limitBytes: 3_145_728 },
  TICKET_CHANGE_REFUSED: { key: 'DEMO-1', reasons: ['resolution is required'] },
  UPSTREAM_FAILED: { upstream: 'jira', status: 500, reason: 'status 500' },
  UPSTREAM_NOT_ALLOWED: { upstream: 'jira', status: null, reason: 'its address is a private one' },
  UPSTREAM_REFUSED: { upstream: 'jira', status: 401 },
  OVERLOADED: { upstream: 'workflow' },
  UPSTREAM_UNAVAILABLE: { upstream: 'workflow' },
  UPSTREAM_TIMEOUT: { upstream: 'tracking' },
};

/** Codes that a route may answer with: its message's own, and those that follow from what the route is. */
export function codesOf({ message, method, path, project = 'header', isPublic = false, ifMatch }: Route): ErrorCode[] {
  const { kind, permission, reply, errors = [] } = message.contract;
  const isList = reply !== null && fieldsOf(reply).some(([name]) => name === 'data');
  const rules: [applies: boolean, codes: readonly ErrorCode[]][] = [
    [true, ['VALIDATION_ERROR', ...NOT_NOW, ...errors]],
    [isList, ['ANSWER_TOO_LARGE']],
    [path.includes(':'), ['URI_TOO_LONG']],
    [method !== 'GET', ['MALFORMED_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE']],
    [!isPublic, ['UNAUTHENTICATED']],
    [permission !== null, ['FORBIDDEN']],
    [project === 'header', ['PROJECT_REQUIRED']],
    [project !== 'none', ['PROJECT_NOT_FOUND']],
    [ifMatch !== undefined, ['PRECONDITION_FAILED']],
    [ifMatch === 'required', ['PRECONDITION_REQUIRED']],
    [kind === 'command', ['CONFLICT']],
    [kind === 'command' && method === 'POST', ['IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_KEY_REUSED']],
  ];
  return rules.flatMap(([applies, codes]) => (applies ? codes : []));
}

/** Answers with an error, each once under its codes: routes share most of them. */
export class Failures {
  readonly responses: Record<string, SchemaObject> = {};
  readonly examples: Record<string, SchemaObject> = {};

  constructor() {
    this.responses['Error'] = this.response('Any other failure.', { $ref: ERROR }, ['INTERNAL_ERROR']);
  }

  /** References to the answers with these codes, by status. */
  of(codes: readonly ErrorCode[]): SchemaObject {
    const byStatus = Map.groupBy([...new Set(codes)].sort(), (code) => ERRORS[code].status);
    return Object.fromEntries([...byStatus].map(([status, group]) => [status, this.ref(status, group)]));
  }

  private ref(status: number, codes: ErrorCode[]): SchemaObject {
    const name = codes.join('-');
    const schema = { allOf: [{ $ref: ERROR }], properties: { code: { enum: codes } } };
    this.responses[name] ??= this.response(STATUS_CODES[status] ?? '', schema, codes);
    return { $ref: `#/components/responses/${name}` };
  }

  private response(description: string, schema: SchemaObject, codes: ErrorCode[]): SchemaObject {
    for (const code of codes) this.examples[code] ??= { value: exampleOf(code) };
    const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
    const isLater = codes.some((code) => LATER.includes(ERRORS[code].status));
    return {
      description,
      headers: headersOf('X-Request-Id', ...(isLater ? ['Retry-After' as const] : [])),
      content: { 'application/json': { schema, examples } },
    };
  }
}

/** What the register of errors makes of a code. */
function exampleOf(code: ErrorCode): SchemaObject {
  const details = DETAILS[code] ?? {};
  return { error: ERRORS[code].sentence(details), code, details, requestId: REQUEST_ID, traceId: null };
}
