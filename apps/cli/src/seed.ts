import { resolve } from 'node:path';
import { seedDemo as seed } from '@qa-pms/all-in-one';
import { processEnvironment } from '@qa-pms/platform';
import { withBus } from './bus.js';

/** `qa-pms seed demo`. */
export async function seedDemo(): Promise<void> {
  await withBus(async (bus) => {
    const { file, logins } = await seed(bus, resolve(processEnvironment()['DATA_DIR'] ?? '.data'));
    process.stdout.write(`${String(logins.length)} demo users; their passwords are in ${file}\n`);
  });
}
