// Writes what is made from settings and metrics: `npm run generate`. A test of apps/cli holds the files against the code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const { generatedFiles } = await import('../apps/cli/dist/all-settings.js');

for (const { path, text } of generatedFiles(root)) {
  writeFileSync(join(root, path), text);
  console.log(`wrote ${path}`);
}
