/** How much it matters to whoever runs the system. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface ErrorKind {
  /** HTTP status. */
  status: number;
  /** Whether the same request may succeed later without a change. */
  retryable: boolean;
  level: LogLevel;
  /** The sentence for the reader: what was wrong, where, and what to do. */
  sentence: (details: Record<string, unknown>) => string;
}

const kind = (
  status: number,
  sentence: ErrorKind['sentence'] | string,
  { retryable = false, level = 'info' }: { retryable?: boolean; level?: LogLevel } = {},
): ErrorKind => ({ status, retryable, level, sentence: typeof sentence === 'string' ? () => sentence : sentence });

const notFound = (what: string, where = ' in this project'): ErrorKind =>
  kind(404, (details) => {
    const name = details['key'] ?? details['id'];
    return name === undefined ? `No such ${what}.` : `No ${what} ${String(name)}${where}.`;
  });

/** The one register of error codes. */
export const ERRORS = {
  VALIDATION_ERROR: kind(400, 'Some values are not valid: see details.violations.'),
  MALFORMED_JSON: kind(400, 'The body is not valid JSON.'),
  ANSWER_TOO_LARGE: kind(
    400,
    (d) =>
      `The answer would be larger than ${String(d['limitBytes'])} bytes: ask for less, with page_size or a filter, or for a report as Markdown.`,
  ),
  MALFORMED_REQUEST: kind(400, 'This is not a valid HTTP request.'),
  PROJECT_REQUIRED: kind(
    400,
    'Say which project with the header X-Project-Id: you are a member of several, or of none.',
  ),
  UNAUTHENTICATED: kind(401, 'Sign in first: send "Authorization: Bearer <access token>".', { level: 'warn' }),
  SIGN_IN_FAILED: kind(401, 'User name or password is wrong.', { level: 'warn' }),
  FORBIDDEN: kind(
    403,
    (d) => (d['permission'] ? `This needs the permission ${String(d['permission'])}.` : 'You may not do this.'),
    {
      level: 'warn',
    },
  ),
  REQUEST_TIMEOUT: kind(408, 'The request did not arrive in time.', { retryable: true }),
  ROUTE_NOT_FOUND: kind(404, (d) => `No route ${String(d['method'] ?? '')} ${String(d['path'] ?? '')}.`),
  TICKET_NOT_FOUND: notFound('ticket'),
  TEMPLATE_NOT_FOUND: notFound('workflow template'),
  WORKFLOW_NOT_FOUND: notFound('workflow'),
  STEP_NOT_FOUND: kind(404, (d) => `The workflow has no step ${String(d['index'])}.`),
  SESSION_NOT_FOUND: notFound('time session'),
  ALERT_NOT_FOUND: notFound('alert'),
  REPORT_NOT_FOUND: notFound('report'),
  PROJECT_NOT_FOUND: notFound('project', ''),
  USER_NOT_FOUND: notFound('user', ''),
  MEMBER_NOT_FOUND: notFound('member'),
  TRANSITION_NOT_FOUND: kind(404, (d) => `Ticket ${String(d['key'])} has no transition ${String(d['id'])} now.`),
  MESSAGE_NOT_FOUND: kind(404, 'No service handles this message.', { level: 'error' }),
  METHOD_NOT_ALLOWED: kind(405, (d) => `${String(d['method'])} is not allowed here.`),
  PROJECT_KEY_TAKEN: kind(409, (d) => `A project with the key ${String(d['key'])} exists already.`),
  USERNAME_TAKEN: kind(409, (d) => `A user named ${String(d['username'])} exists already.`),
  LAST_ADMIN: kind(409, 'The last administrator cannot be removed.'),
  WORKFLOW_ALREADY_ACTIVE: kind(
    409,
    'A workflow for this ticket is active already: resume or restart it with onActive.',
  ),
  WORKFLOW_INVALID_STATE: kind(409, (d) => {
    const what = d['stepStatus']
      ? `step ${String(d['index'])} is ${String(d['stepStatus'])}`
      : `it is ${String(d['status'])}`;
    return `Not possible while ${what}; possible: ${list(d['allowed'])}.`;
  }),
  MEMBER_LACKS_PERMISSION: kind(
    409,
    (d) =>
      `Member ${String(d['userId'])} lacks the permission ${String(d['permission'])}: choose another one, or change their roles.`,
  ),
  WORKFLOW_STEPS_OPEN: kind(409, (d) => `Steps are still open: ${list(d['openSteps'])}. Complete or skip them first.`),
  TEMPLATE_SEEDED: kind(409, 'A seeded template cannot be deleted.'),
  REPORT_FINAL: kind(409, 'A final report is not changed: open a new version with POST /reports.'),
  REPORT_TIMES_PENDING: kind(409, 'The times of this report are not in yet: try again in a moment.', {
    retryable: true,
  }),
  REPORT_DRAFT_OPEN: kind(409, 'This workflow has a draft already: change or finalise that one.'),
  CORRECTION_OVERLAPS: kind(409, 'The corrected session would overlap another one, or end before it starts.'),
  IDEMPOTENCY_IN_PROGRESS: kind(409, 'The first request with this Idempotency-Key is still running.', {
    retryable: true,
  }),
  CONFLICT: kind(409, 'Somebody else changed it at the same time: read it again and retry.', { retryable: true }),
  PRECONDITION_FAILED: kind(412, 'It has changed since you read it: read it again, then repeat with the new ETag.'),
  CONTENT_TOO_LARGE: kind(
    413,
    (d) =>
      `With what is there already it would be larger than ${String(d['limitBytes'])} bytes: shorten it, or link to it.`,
  ),
  BODY_TOO_LARGE: kind(413, 'The body is larger than is taken here.'),
  URI_TOO_LONG: kind(414, 'The address is too long.'),
  UNSUPPORTED_MEDIA_TYPE: kind(415, 'Send the body as application/json.'),
  TICKET_CHANGE_REFUSED: kind(422, (d) => `Jira refused the change of ${String(d['key'])}: ${list(d['reasons'])}.`),
  IDEMPOTENCY_KEY_REUSED: kind(422, 'This Idempotency-Key was used with another body.'),
  EVENT_SCHEMA_VIOLATION: kind(422, "The payload breaks its receiver's schema: see details.violations."),
  PRECONDITION_REQUIRED: kind(428, 'Send If-Match with the ETag that you read.'),
  RATE_LIMITED: kind(429, 'Too many requests: wait as Retry-After says.', { retryable: true, level: 'warn' }),
  HEADERS_TOO_LARGE: kind(431, 'The request headers are too large.'),
  INTERNAL_ERROR: kind(500, 'Internal error', { level: 'error' }),
  UPSTREAM_FAILED: kind(
    502,
    (d) => `${String(d['upstream'] ?? 'An external system')} answered with an error${because(d['reason'])}.`,
    { retryable: true, level: 'warn' },
  ),
  UPSTREAM_NOT_ALLOWED: kind(502, (d) => `${String(d['upstream'])} may not be called${because(d['reason'])}.`, {
    level: 'error',
  }),
  UPSTREAM_REFUSED: kind(
    502,
    (d) => `${String(d['upstream'])} refused our credentials: renew them in its integration.`,
    { level: 'error' },
  ),
  OVERLOADED: kind(503, 'Too many requests are in flight: try again shortly.', { retryable: true, level: 'warn' }),
  UPSTREAM_UNAVAILABLE: kind(
    503,
    (d) =>
      `${String(d['upstream'] ?? 'A part of the system')} cannot be reached now${because(d['reason'])}: try again shortly.`,
    {
      retryable: true,
      level: 'warn',
    },
  ),
  SHUTTING_DOWN: kind(503, 'This instance is stopping: try again, another one will answer.', { retryable: true }),
  UPSTREAM_TIMEOUT: kind(504, (d) => `${String(d['upstream'] ?? 'A part of the system')} did not answer in time.`, {
    retryable: true,
    level: 'warn',
  }),
} as const satisfies Record<string, ErrorKind>;
export type ErrorCode = keyof typeof ERRORS;

function because(reason: unknown): string {
  return typeof reason === 'string' ? ` (${reason})` : '';
}

function list(value: unknown): string {
  return Array.isArray(value) && value.length > 0 ? value.join(', ') : 'nothing';
}

/** An error that its reader can act on: a code of the register with the facts. */
export class AppError extends Error {
  readonly kind: ErrorKind;
  /** It came over the wire: the service that refused has logged it. */
  isLogged = false;

  constructor(
    readonly code: ErrorCode,
    readonly details: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(ERRORS[code].sentence(details), options);
    this.name = 'AppError';
    this.kind = ERRORS[code];
  }

  /** VALIDATION_ERROR with one violation, in the form of those that a schema finds. */
  static invalid(path: string, rule: string, message: string): AppError {
    return new AppError('VALIDATION_ERROR', { violations: [{ path, rule, message }] });
  }

  /** From what came over the wire; an unknown code of a newer version becomes INTERNAL_ERROR. */
  static from(code: string, details: Record<string, unknown>): AppError {
    const error = code in ERRORS ? new AppError(code as ErrorCode, details) : new AppError('INTERNAL_ERROR');
    error.isLogged = true;
    return error;
  }
}
