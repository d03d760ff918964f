#!/usr/bin/env node
// Services need Node 24; the package `node` brings it where the machine's own is older.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundled = fileURLToPath(new URL('../../../node_modules/node/bin/node', import.meta.url));
if (Number(process.versions.node.split('.')[0]) < 24 && existsSync(bundled)) {
  const { status } = spawnSync(bundled, process.argv.slice(1), { stdio: 'inherit' });
  process.exit(status ?? 1);
}
const { main } = await import('../dist/cli.js');
await main(process.argv);
