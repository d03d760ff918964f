// Imports every built entry point once: circular class types throw only then, and pass the type checker.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Only Jest can load it. */
const FOR_JEST = './dist/jest.js';

let failed = 0;
for (const file of globSync('{libs,apps,apps/integrations}/*/package.json')) {
  const entries = Object.values(JSON.parse(readFileSync(file, 'utf8')).exports ?? {}).map((entry) => entry.default);
  for (const entry of entries.filter((one) => one !== FOR_JEST)) {
    const name = join(dirname(file), entry);
    const path = join(import.meta.dirname, '..', name);
    try {
      if (!existsSync(path)) throw new Error('is not built');
      await import(path);
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.error(`failed ${name}: ${error.stack}`);
    }
  }
}
process.exit(failed === 0 ? 0 : 1);
