// Imports every built entry point once: circular class types throw only then, and pass the type checker.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let failed = 0;
for (const file of globSync('{libs,apps,apps/integrations}/*/package.json')) {
  const entry = JSON.parse(readFileSync(file, 'utf8')).exports?.['.']?.default;
  if (!entry) continue;
  const path = join(import.meta.dirname, '..', dirname(file), entry);
  try {
    if (!existsSync(path)) throw new Error('is not built');
    await import(path);
    console.log(`ok ${dirname(file)}`);
  } catch (error) {
    failed += 1;
    console.error(`failed ${dirname(file)}: ${error.stack}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
