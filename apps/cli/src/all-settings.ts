import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { AllInOneSettings, SERVICES } from '@qa-pms/all-in-one';
import { metricsMarkdown, type SettingEntry, settingsClassesOf, settingsOf } from '@qa-pms/platform';
import { type KnownSetting, settingsMarkdown } from '@qa-pms/platform/reference';
import { commandsMarkdown } from './commands-markdown.js';
import { createProgram } from './program.js';

/**
 * Every setting with the services that read it, by key: what `npm run generate` writes. Throws where two classes
 * declare the same key in different ways.
 */
export function allSettings(): KnownSetting[] {
  const all = new Map<string, KnownSetting>();
  const add = (service: string, entry: SettingEntry): void => {
    const { services, ...known } = all.get(entry.key) ?? { services: [], ...entry };
    if (!isDeepStrictEqual(known, entry)) throw new Error(`Two settings classes declare ${entry.key} differently.`);
    all.set(entry.key, { ...entry, services: [...new Set([...services, service])].sort() });
  };
  for (const service of SERVICES) {
    for (const settings of settingsClassesOf([service])) {
      for (const { entry } of settingsOf(settings)) add(service.name, entry);
    }
  }
  for (const { entry } of settingsOf(AllInOneSettings)) add('all-in-one', entry);
  return [...all.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
}

/** Ends what people write of a page whose rest is made. */
const MARK = '<!-- generated: npm run generate -->';

/** The files that are made from settings, metrics and commands, as they should be. */
export function generatedFiles(root: string): { path: string; text: string }[] {
  const settings = allSettings();
  const page = (path: string, made: string): { path: string; text: string } => {
    const [written = ''] = readFileSync(join(root, path), 'utf8').split(MARK);
    return { path, text: `${written}${MARK}\n\n${made}` };
  };
  return [
    {
      path: 'libs/platform/src/configuration/known-settings.json',
      text: `${JSON.stringify(settings, null, 2)}\n`,
    },
    page('docs/configuration.md', settingsMarkdown(settings)),
    page('docs/operations/metrics.md', metricsMarkdown()),
    page('docs/cli.md', commandsMarkdown(createProgram())),
  ];
}
