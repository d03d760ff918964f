import { readFileSync } from 'node:fs';
import type { SettingEntry } from './setting.js';

/** A setting with the names of the services that read it. */
export interface KnownSetting extends SettingEntry {
  services: string[];
}

let known: KnownSetting[] | null = null;

/**
 * Every setting of every service. A process has the classes of its own services only, and one file may configure all of
 * them: so the list is generated (`npm run generate`), and a test holds it against the classes.
 */
export function knownSettings(): KnownSetting[] {
  known ??= JSON.parse(readFileSync(new URL('./known-settings.json', import.meta.url), 'utf8')) as KnownSetting[];
  return known;
}
