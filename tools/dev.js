import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { nxProgram, projectFolders, root } from './projects.js';

// `npm run dev`: the whole system, built and started again after each change of a source.

/** Editors write a file in several steps. */
const QUIET_MS = 150;

const environment = { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' };
const projects = new Map(projectFolders().map((folder) => [relative(root, folder), folder]));
const changed = new Set();
let timer;
let server = null;
let working = false;
let stopping = false;

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: environment });
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

function startServer() {
  const args = [join(root, 'apps/cli/bin/qa-pms.js'), 'serve', ...process.argv.slice(2)];
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], { cwd: root, stdio: 'inherit' });
  server = child;
  child.on('exit', (code) => {
    if (server !== child) return;
    server = null;
    if (!stopping) console.log(`[dev] stopped with ${code}; starts again after the next change`);
  });
}

function stopServer() {
  const child = server;
  server = null;
  if (!child || child.exitCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGTERM');
  });
}

async function rebuild() {
  if (working || stopping) return;
  working = true;
  while (changed.size > 0) {
    const names = [...changed];
    changed.clear();
    console.log(`[dev] changed: ${names.join(', ')}`);
    const wanted = names.map((name) => name.split('/').at(-1)).join(',');
    const code = await run(process.execPath, [
      nxProgram(),
      'run-many',
      '-t',
      'build',
      '-p',
      wanted,
      '--output-style=static',
    ]);
    if (code !== 0) {
      console.log('[dev] the build failed: what ran before goes on running');
      continue;
    }
    await stopServer();
    if (!stopping) startServer();
  }
  working = false;
}

/** The folder of the project that a changed file belongs to; null for what is not a source. */
function projectOf(file) {
  const path = file.split(sep).join('/');
  if (!path.includes('/src/') || path.includes('/dist/') || /\.spec\.tsx?$/.test(path)) return null;
  return [...projects.keys()].find((folder) => path.startsWith(`${folder}/`)) ?? null;
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    stopping = true;
    void stopServer().then(() => process.exit(0));
  });
}

if ((await run(process.execPath, [join(root, 'tools/build-if-needed.js')])) !== 0) process.exit(1);
startServer();
for (const parent of ['libs', 'apps']) {
  watch(join(root, parent), { recursive: true }, (_event, file) => {
    const project = file === null ? null : projectOf(join(parent, file));
    if (project === null) return;
    changed.add(project);
    clearTimeout(timer);
    timer = setTimeout(() => void rebuild(), QUIET_MS);
  });
}
console.log('[dev] watching libs/ and apps/');
