import { root } from './projects.js';
import { sourceViolations } from './sources.js';

// Fails when a source file is too long, or reads the environment beside the settings.

const violations = sourceViolations(root);
for (const violation of violations) console.error(violation);
console.log(violations.length === 0 ? 'Sources keep the rules.' : `${violations.length} violations in sources.`);
process.exitCode = violations.length === 0 ? 0 : 1;
