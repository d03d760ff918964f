import { spawn, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { startAllInOneSystem } from '../e2e/system.js';
import { SCENARIOS } from './scenarios.js';

// `npm run load -- [scenario]`: against all-in-one, which it starts, or against URL with ADMIN_USERNAME and
// ADMIN_PASSWORD. DURATION_FACTOR=0.1 makes a scenario a tenth as long. k6 is looked for on PATH and where
// `go install go.k6.io/k6@latest` puts it.

const EXIT_USAGE = 64;
const [scenario = 'baseline'] = process.argv.slice(2);
if (!(scenario in SCENARIOS)) {
  console.error(`There is no scenario ${scenario}: choose of ${Object.keys(SCENARIOS).join(', ')}.`);
  process.exit(EXIT_USAGE);
}
const k6 = ['k6', join(homedir(), 'go/bin/k6')].find((program) => !spawnSync(program, ['version']).error);
if (!k6) {
  console.error(
    'k6 is not here: install it from https://grafana.com/docs/k6, or with `go install go.k6.io/k6@latest`.',
  );
  process.exit(EXIT_USAGE);
}
const { URL: given, ADMIN_USERNAME, ADMIN_PASSWORD, DURATION_FACTOR = '1' } = process.env;
const system = given ? null : await startAllInOneSystem();
try {
  const url = given ?? system?.url ?? '';
  const admin = system
    ? await demoAdmin(system.dataDir)
    : { username: ADMIN_USERNAME ?? '', password: ADMIN_PASSWORD ?? '' };
  const environment = {
    URL: url,
    ADMIN: JSON.stringify(admin),
    ROUTES: JSON.stringify(await routesOf(url)),
    SCENARIO: scenario,
    DURATION_FACTOR,
  };
  const script = join(import.meta.dirname, 'load.js');
  const run = spawn(k6, ['run', '--quiet', '--no-usage-report', script], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  process.exitCode = await new Promise<number>((resolve) => run.once('exit', (code) => resolve(code ?? 1)));
} finally {
  await system?.stop();
}

async function demoAdmin(dataDir: string): Promise<{ username: string; password: string }> {
  const logins = JSON.parse(await readFile(join(dataDir, 'demo-users.json'), 'utf8')) as {
    username: string;
    password: string;
  }[];
  const admin = logins.find(({ username }) => username === 'admin');
  if (!admin) throw new Error('The demonstration has no administrator.');
  return admin;
}

/** Every operation of the REST API, as `GET /workflows/{id}`. */
async function routesOf(url: string): Promise<string[]> {
  const answer = await fetch(`${url}/api/v1/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, unknown>> };
  return Object.entries(paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.slice('/api/v1'.length)}`),
    );
}
