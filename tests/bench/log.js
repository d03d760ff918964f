// What a log line costs: `node tests/bench/log.js > /dev/null` (results go to standard error). Redaction, context and
// the counter of lines are in ours; plain pino writes the same facts. A child logger per request is what nestjs-pino's
// middleware would make.
import { createRootLogger, logFor, onLogLine, runInContext, SYSTEM } from '@qa-pms/platform';
import { pino } from 'pino';

const LINES = 100_000;
const ids = { requestId: '0199a7b0-1111-7222-8333-444455556666', userId: '0199a7b0-aaaa-7bbb-8ccc-ddddeeeeffff' };
const projectId = '0199a7b0-9999-7888-8777-666655554444';
const request = { method: 'GET', route: '/api/v1/workflows/:id', status: 200, durationMs: 4.2 };
const failure = Object.assign(new Error('connect ECONNREFUSED postgres://app:hunter2@db:5432/app'), {
  code: 'ECONNREFUSED',
});

const root = createRootLogger({ level: 'info', format: 'json' });
const counts = new Map();
onLogLine(root, (level, service) => counts.set(level + service, (counts.get(level + service) ?? 0) + 1));
const ours = logFor(root, 'bench');
const plain = pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }).child({ service: 'bench' });
const context = {
  messageId: ids.requestId,
  requestId: ids.requestId,
  traceparent: null,
  deadline: null,
  idempotencyHash: null,
  caller: { ...SYSTEM, userId: ids.userId, projectId },
};

const cases = {
  'request line, plain pino': () => plain.info({ ...ids, projectId, ...request }, 'request'),
  'request line, ours': () => ours.info(request, 'request'),
  'error line, plain pino': () => plain.error({ ...ids, projectId, err: failure }, 'request failed'),
  'error line, ours': () => ours.error({ err: failure }, 'request failed'),
  'debug line that is not written, ours': () => ours.debug(request, 'request'),
  'child logger per request with its line, plain pino': () =>
    plain.child({ ...ids, projectId }).info(request, 'request'),
};

for (let round = 0; round < 2; round += 1) {
  for (const [name, work] of Object.entries(cases)) {
    const from = process.cpuUsage();
    runInContext(context, () => {
      for (let line = 0; line < LINES; line += 1) work();
    });
    const { user, system } = process.cpuUsage(from);
    if (round === 1) process.stderr.write(`${((user + system) / LINES).toFixed(2).padStart(6)} µs CPU  ${name}\n`);
  }
}
