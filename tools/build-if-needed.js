import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fingerprint, nxProgram, projectFolders, root } from './projects.js';

// Builds what has changed since the last build; when nothing has, it only looks at the files' times and sizes.
// Must run under Node 20, which `npm start` may be called with.

const stamp = join(root, '.nx/built.json');

const before = fingerprint();
if (isBuilt(before)) process.exit(0);

console.log('Building what has changed …');
const started = Date.now();
const nx = spawn(process.execPath, [nxProgram(), 'run-many', '-t', 'build', '--output-style=stream'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'pipe'],
  env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', FORCE_COLOR: '0' },
});

const output = [];
let count = 0;
for (const stream of [nx.stdout, nx.stderr]) {
  createInterface({ input: stream }).on('line', (line) => {
    output.push(line);
    const project = /^> nx run ([^:]+):build/.exec(line)?.[1];
    if (project === undefined) return;
    count += 1;
    console.log(`  ${project} (${count} of ${projectFolders().length})${line.includes('cache') ? ', unchanged' : ''}`);
  });
}
nx.on('close', (code) => {
  if (code !== 0) {
    console.error(output.join('\n'));
    console.error('The build failed.');
    process.exit(code ?? 1);
  }
  // Taken before the build: what was changed meanwhile is built the next time.
  mkdirSync(join(root, '.nx'), { recursive: true });
  writeFileSync(stamp, JSON.stringify(before));
  console.log(`Built in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
});

function isBuilt(now) {
  if (!existsSync(stamp)) return false;
  if (!projectFolders().every((folder) => existsSync(join(folder, 'dist')))) return false;
  return readFileSync(stamp, 'utf8') === JSON.stringify(now);
}
