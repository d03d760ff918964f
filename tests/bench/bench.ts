import { GENERATOR } from './load.js';
import { measureCli } from './cli.js';
import { measureCost } from './cost.js';
import { measureEvents } from './events.js';
import { measurePath } from './path.js';
import { measureStart } from './start.js';
import type { Row } from './rows.js';

// `npm run bench [path] [cost] [events] [start] [cli]`: figures of one machine and one moment, all of one run beside each other. The
// ratios carry over to other machines, the times do not.

const PARTS: Record<string, () => Promise<Row[]>> = {
  cli: measureCli,
  start: measureStart,
  events: measureEvents,
  cost: measureCost,
  path: measurePath,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}: choose of ${Object.keys(PARTS).join(', ')}.`);
  process.exit(64);
}
console.log(`Load from ${GENERATOR}, on the same cores.`);
for (const [name, measure] of Object.entries(PARTS))
  if (wanted.length === 0 || wanted.includes(name)) console.table(await measure());
