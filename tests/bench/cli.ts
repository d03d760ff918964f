import { spawnSync } from 'node:child_process';
import { CLI } from '../e2e/command.js';
import type { Row } from './rows.js';

const RUNS = 15;

/** How long commands take that somebody waits for at a prompt; the first run, which reads the disk, is left out. */
export function measureCli(): Promise<Row[]> {
  const commands = [['--help'], ['migrate', '--help'], ['serve', '--help'], ['completion', 'bash'], ['nonsense']];
  return Promise.resolve(commands.map((args) => measure(args)));
}

function measure(args: string[]): Row {
  const times = Array.from({ length: RUNS + 1 }, () => {
    const started = performance.now();
    // By the Node on the path, as npx does: an older one starts a newer one for what needs it.
    spawnSync('node', [CLI, ...args], { stdio: 'ignore' });
    return performance.now() - started;
  });
  const sorted = times.slice(1).sort((one, other) => one - other);
  const [median = NaN] = sorted.slice(RUNS >> 1);
  return {
    what: `qa-pms ${args.join(' ')}`,
    'median ms': Math.round(median),
    'slowest ms': Math.round(sorted.at(-1)!),
  };
}
