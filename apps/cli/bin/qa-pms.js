#!/usr/bin/env node
// Services need Node 24; the package `node` brings it where the machine's own is older.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundled = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url));
// What only prints runs with any Node: a second one takes longer to start than the help to print.
const [first, ...others] = process.argv.slice(2);
const prints =
  ['help', 'completion'].includes(first) || [first, ...others].some((word) => /^(-h|--help|-V|--version)$/.test(word));
if (!prints && Number(process.versions.node.split('.')[0]) < 24 && existsSync(bundled)) {
  const child = spawn(bundled, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  // A terminal sends Ctrl+C to both; who stops this process with a signal means the other one.
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.on('SIGINT', () => undefined);
  child.on('exit', (code) => process.exit(code ?? 1));
} else {
  const { main } = await import('../dist/cli.js');
  await main(process.argv);
}
