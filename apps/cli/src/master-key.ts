import { keptMasterKey } from '@qa-pms/all-in-one';
import type { DatabaseSettings } from '@qa-pms/database';
import { type Configuration, Keyring } from '@qa-pms/platform';
import { servicesWithDatabase, withDataSource } from './database.js';

/** Names of the master keys of an installation, the current one first: those of the configuration, else the data folder's. */
export async function masterKeys(configuration: Configuration, dataDir: string): Promise<string[] | null> {
  if (configuration.has('encryption.key')) return configuration.keyring().ids;
  const kept = await keptMasterKey(dataDir);
  return kept === null ? null : new Keyring(kept).ids;
}

/** Names of the master keys that values in the database are encrypted with; its migrations must be applied. */
export async function neededKeys(settings: DatabaseSettings): Promise<string[]> {
  const ids = new Set<string>();
  for (const service of servicesWithDatabase()) {
    const { sealedBy } = service;
    if (sealedBy === undefined) continue;
    const rows = await withDataSource(service, settings, (dataSource) => dataSource.query<{ id: string }[]>(sealedBy));
    for (const { id } of rows) ids.add(id);
  }
  return [...ids];
}
