import { seedDemo as seed } from '@qa-pms/all-in-one';
import { withBus } from './bus.js';
import { dataFolder } from './data-folder.js';
import type { Context } from './output.js';

/** `qa-pms seed demo`. */
export async function seedDemo({ file, output }: Context): Promise<void> {
  const folder = await dataFolder(file);
  await withBus(file, async (bus) => {
    const { file: kept, logins } = await seed(bus, folder);
    const users = logins.map(({ username }) => username);
    await output.print(
      { users, passwords: kept },
      () => `${String(users.length)} demo users; their passwords are in ${kept}`,
    );
  });
}
