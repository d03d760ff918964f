import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { filesBelow } from './projects.js';

const MOST_LINES = 300;
const MOST_LINES_OF_A_TEST = 500;
/** Where the environment may be read. Everywhere else a setting says what it means, its unit and its default. */
const ENVIRONMENT_READERS = [
  /^libs\/platform\/src\/configuration\/environment\.ts$/,
  /^libs\/testing\//,
  /^tools\//,
  /^tests\//,
];

/** All violations of the rules for single files, as sentences. */
export function sourceViolations(root) {
  return ['libs', 'apps', 'tools', 'tests']
    .flatMap((folder) => filesBelow(join(root, folder)))
    .filter((file) => /\.(ts|tsx|js|mjs)$/.test(file) && !file.includes(`${sep}generated${sep}`))
    .flatMap((file) => check(file, relative(root, file).split(sep).join('/')));
}

function check(file, place) {
  const text = readFileSync(file, 'utf8');
  const violations = [];
  const test = /\.spec\.(ts|tsx|js)$/.test(place) || /(^|\/)tests?\//.test(place);
  const lines = text.split('\n').length - 1;
  const most = test ? MOST_LINES_OF_A_TEST : MOST_LINES;
  if (lines > most) violations.push(`${place}: ${lines} lines are more than ${most}: split it by concept`);
  const line = text.split('\n').findIndex((candidate) => /\bprocess\s*\.\s*env\b/.test(candidate));
  if (line >= 0 && !ENVIRONMENT_READERS.some((pattern) => pattern.test(place))) {
    violations.push(
      `${place}:${line + 1}: process.env is read in libs/platform/src/configuration/environment.ts only: declare a setting`,
    );
  }
  return violations;
}
