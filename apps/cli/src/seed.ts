import { seedDemo as seed } from '@qa-pms/all-in-one';
import { withBus } from './bus.js';
import { dataFolder } from './data-folder.js';

/** `qa-pms seed demo`. */
export async function seedDemo(file: string | null): Promise<void> {
  const folder = await dataFolder(file);
  await withBus(file, async (bus) => {
    const { file: kept, logins } = await seed(bus, folder);
    process.stdout.write(`${String(logins.length)} demo users; their passwords are in ${kept}\n`);
  });
}
