import { beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { runInContext, SYSTEM } from './context.js';
import { createRootLogger, type Log, logFor, onLogLine, serviceLogger, setLevel, traceFields } from './log.js';
import { nestLogger } from './log/nest-log.js';

describe('the log', () => {
  let lines: Record<string, unknown>[];
  let root: Logger;
  let log: Log;

  beforeEach(() => {
    lines = [];
    const output = { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) };
    root = createRootLogger({ level: 'info', format: 'json', output });
    log = logFor(root, 'workflow');
  });

  it('writes time, level, service, text and facts', () => {
    log.info({ status: 200 }, 'request');

    expect(lines).toEqual([
      { time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'info', service: 'workflow', msg: 'request', status: 200 },
    ]);
  });

  it('names request, user and project on each line that is written for a message, by whomever', () => {
    const caller = { ...SYSTEM, userId: 'user', projectId: 'project' };
    const context = {
      messageId: 'm',
      requestId: 'r',
      traceparent: null,
      deadline: null,
      idempotencyHash: null,
      caller,
    };

    runInContext(context, () => {
      log.info({}, 'ours');
      logFor(root, 'kafka').warn({}, "another service's");
      nestLogger(serviceLogger(root, 'workflow')).warn("Nest's", 'Context');
    });

    const ids = { requestId: 'r', userId: 'user', projectId: 'project' };
    expect(lines).toMatchObject([
      { ...ids, service: 'workflow' },
      { ...ids, service: 'kafka' },
      { ...ids, service: 'workflow', context: 'Context', msg: "Nest's" },
    ]);
  });

  it('has no trace ids where no tracing runs', () => {
    trace.setSpanContext(ROOT_CONTEXT, {
      traceId: '1'.repeat(32),
      spanId: '2'.repeat(16),
      traceFlags: TraceFlags.SAMPLED,
    });

    expect(traceFields()).toEqual({});
  });

  it('changes its level for every service at once, also back', () => {
    const other = logFor(root, 'jira');
    const nest = nestLogger(serviceLogger(root, 'jira'));
    const all = (): void => {
      log.debug({}, 'a');
      other.debug({}, 'b');
      nest.log('c', 'Nest');
      logFor(root, 'born later').debug({}, 'd');
    };

    all();
    setLevel(root, 'debug');
    all();
    setLevel(root, 'info');
    all();

    expect(lines.map(({ msg }) => msg)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('tells of each line that is written, with level and service', () => {
    const heard: string[] = [];
    onLogLine(root, (level, service) => heard.push(`${level} ${service}`));

    log.info({}, 'a');
    log.debug({}, 'not written');
    logFor(root, 'jira').error({ err: new Error('x') }, 'b');

    expect(heard).toEqual(['info workflow', 'error jira']);
  });

  it('writes what a library formats', () => {
    const child = serviceLogger(root, 'workflow');

    child.info({ id: 1 }, 'met %s after %d tries: %j, 100 %%', new Error('no route'), 3, { ok: false });
    child.info('100 %');

    expect(lines.map(({ msg }) => msg)).toEqual(['met Error: no route after 3 tries: {"ok":false}, 100 %', '100 %']);
  });

  it('shows no secret of texts, or of what a library logs', () => {
    const child = serviceLogger(root, 'workflow');

    child.info('https://me:hunter2@demo.example');
    child.error(new Error('password=hunter2'));
    child.error({ err: new Error('token=hunter2') });
    nestLogger(child).error('failed: secret=hunter2', 'Error: secret=hunter2\n    at here', 'Context');

    child.warn('failed: %o', { password: 'hunter2' });
    child.warn('failed: %j at %d', [{ cookie: 'hunter2' }], 5);
    child.warn({}, 'failed: %s', new Error('password=hunter2'));
    child.warn('failed: %s', Object.assign(new Error('Key (name)=(hunter2)'), { severity: 'ERROR' }));
    child.warn('Authorization: Bearer %s', 'hunter2');
    child.warn('%s=%s', 'password', 'hunter2');

    expect(lines.length).toBe(10);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});
