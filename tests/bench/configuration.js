// Measures how a configuration is loaded, and how hostile files are refused, each in a process of its own:
// `npm run bench:configuration`. The limits: 10,000 lines in 100 ms, a refusal within 2 s and 300 MB.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const [, , file] = process.argv;
if (file === undefined) compare();
else await measure(file);

async function measure(path) {
  const { Configuration } = await import('../../libs/platform/dist/configuration/configuration.js');
  const { Setting } = await import('../../libs/platform/dist/configuration/setting.js');
  class Lists {
    sites = [];
  }
  class Site {
    name = '';
    address = '';
    weight = 1;
    colour = '';
    note = '';
  }
  for (const key of Object.keys(new Site()))
    Setting({ key, description: '', example: '', optional: true })(Site.prototype, key);
  Setting({ key: 'sites', description: '', example: '', items: Site })(Lists.prototype, 'sites');
  const memory = () => Math.round(process.resourceUsage().maxRSS / 1024);

  const before = memory();
  const started = performance.now();
  const configuration = await Configuration.load({ environment: {}, file: path });
  let said = 'loaded';
  try {
    configuration.read(Lists);
  } catch (error) {
    said = error.problems[0].problem;
  }
  const ms = performance.now() - started;
  const after = memory();

  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const again = performance.now();
  await configuration.reload().catch(() => undefined);
  delay.disable();
  const reload = { reloadMs: performance.now() - again, blockedMs: delay.max / 1e6 };
  process.stdout.write(JSON.stringify({ ms, before, after, said, ...reload, reloadMegabytes: memory() }));
}

async function compare() {
  const { hostileFiles } = await import('../../libs/testing/dist/hostile-yaml.js');
  const folder = mkdtempSync(join(tmpdir(), 'qa-pms-bench-'));
  const rows = [];
  const run = (name, path) => {
    const answer = execFileSync(process.execPath, [fileURLToPath(import.meta.url), path], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    const { ms, before, after, said, reloadMs, blockedMs, reloadMegabytes } = JSON.parse(answer);
    rows.push({
      file: name,
      ms: Math.round(ms),
      'peak MB': after,
      'of these before': before,
      'reload ms': Math.round(reloadMs),
      'peak MB then': reloadMegabytes,
      'event loop blocked ms': Math.round(blockedMs),
      said: said.slice(0, 60),
    });
  };
  const written = (name, content) => {
    const path = join(folder, 'file.yaml');
    writeFileSync(path, content);
    run(name, path);
  };
  try {
    const site = (n) =>
      `  - name: s${n} # ${n}\n    address: https://s${n}.example.com\n    weight: 1\n    colour: red\n    note: "x"\n`;
    written('10,000 lines', `sites:\n${Array.from({ length: 2_000 }, (_, n) => site(n)).join('')}`);
    for (const { name, content } of hostileFiles()) written(name, content());
    mkdirSync(join(folder, 'folder'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync(join(folder, 'loop'), join(folder, 'loop'));
    for (const name of ['folder', 'pipe', 'loop']) run(name, join(folder, name));
    run('/dev/zero', '/dev/zero');
    console.table(rows);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
