import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// `npm test`: unit and integration tests. `npm test -- [path …] [--coverage] [--e2e] [--option=value of Jest …]`.

const root = join(import.meta.dirname, '..');
const given = process.argv.slice(2);
const e2e = given.includes('--e2e');
const jestArguments = given.filter((argument) => argument !== '--e2e');
const options = jestArguments.filter((argument) => argument.startsWith('-') && argument !== '--coverage');
const paths = jestArguments.filter((argument) => !argument.startsWith('-'));
const coverage = given.includes('--coverage') || (process.env.CI === 'true' && !e2e);

const folder = mkdtempSync(join(tmpdir(), 'qa-pms-tests-'));
const results = join(folder, 'results.json');
const leftOut = join(folder, 'left-out.jsonl');

const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    // Jest runs ES modules by it; saying so in each worker helps nobody.
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    '--config',
    join(root, 'jest.config.js'),
    '--selectProjects',
    e2e ? 'e2e' : 'test',
    '--json',
    `--outputFile=${results}`,
    // The shares that it must reach are in jest.config.js; a part of the tests covers a part of the code.
    ...(coverage ? ['--coverage'] : []),
    ...(coverage && paths.length > 0 ? ['--coverageThreshold={}'] : []),
    // What a failed test leaves running would keep Jest from ending; workers, which the other tests have, are ended too.
    ...(e2e ? ['--runInBand', '--forceExit'] : []),
    ...options,
    ...(paths.length > 0 ? ['--testPathPatterns', ...paths] : []),
  ],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, QA_PMS_TESTS_MISSING: leftOut },
  },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.on('exit', (code) => {
  process.exitCode = report(code ?? 1);
  rmSync(folder, { recursive: true, force: true });
});

/** Prints what was left out and the final line; returns the exit code. */
function report(code) {
  if (!existsSync(results)) {
    console.error('The tests did not run to their end.');
    return code || 1;
  }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = JSON.parse(
    readFileSync(results, 'utf8'),
  );
  // A file that cannot be loaded has no tests to count: it counts as one.
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  const missing = existsSync(leftOut) ? readFileSync(leftOut, 'utf8').trim().split('\n').map(JSON.parse) : [];
  if (missing.length > 0) {
    console.log('\nLEFT OUT for want of something on this machine:');
    for (const { what, reason } of missing) console.log(`  - ${what}: ${reason}`);
  }
  const incomplete = missing.length > 0 && process.env.CI === 'true';
  if (incomplete) console.log('With CI=true nothing may be left out: this run has failed.');
  if (numPassedTests + failed === 0) console.log('No test ran.');
  console.log(`\n${numPassedTests} passed, ${failed} failed, ${numPendingTests + numTodoTests} skipped`);
  return code || (incomplete || numPassedTests === 0 ? 1 : 0);
}
