import { readFileSync } from 'node:fs';
import { boundaryViolations } from './boundaries.js';
import { root } from './projects.js';

// `node tools/check-boundaries.js <file of nx graph --file>`: fails when an import breaks the layout of the code.

const [file] = process.argv.slice(2);
if (!file) {
  console.error('Usage: node tools/check-boundaries.js <file written by nx graph --file>');
  process.exit(2);
}
const violations = boundaryViolations(JSON.parse(readFileSync(file, 'utf8')), root);
for (const violation of violations) console.error(violation);
console.log(violations.length === 0 ? 'Boundaries hold.' : `${violations.length} violations of the boundaries.`);
process.exitCode = violations.length === 0 ? 0 : 1;
