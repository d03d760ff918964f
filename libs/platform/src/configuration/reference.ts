import type { KnownSetting } from './known-settings.js';
import { environmentName, type SettingEntry } from './setting.js';

export { type KnownSetting, knownSettings } from './known-settings.js';

/** Settings as text for a terminal: variable, meaning, default. */
export function settingsHelp(entries: readonly SettingEntry[]): string {
  const lines = entries.map((entry) => {
    const facts = [...(entry.required ? ['required'] : []), ...factsOf(entry)];
    return `  ${environmentName(entry.key)}\n      ${plain(entry.description)}${facts.length > 0 ? ` (${facts.join('; ')})` : ''}\n`;
  });
  return (
    'Settings, by environment variable; in the YAML file log.level is level in the section log.\n' +
    `<NAME>_FILE names a file that holds the value.\n\n${lines.join('')}`
  );
}

function factsOf({ kind, default: value, values, min, max, reloadable }: SettingEntry): string[] {
  const shown = kind === 'map' ? '' : Array.isArray(value) ? value.join(', ') : String(value ?? '');
  return [
    ...(shown === '' ? [] : [`default ${shown}`]),
    ...(values ? [`one of ${values.join(', ')}`] : []),
    ...(min !== undefined && min !== 0 ? [`at least ${String(min)}`] : []),
    ...(max === undefined ? [] : [`at most ${String(max)}`]),
    ...(reloadable ? ['changed by SIGHUP'] : []),
  ];
}

function plain(markdown: string): string {
  return markdown.replaceAll('`', '');
}

/** Every setting by section, for docs/configuration.md. */
export function settingsMarkdown(settings: readonly KnownSetting[]): string {
  const names = [...new Set(settings.map(({ key }) => sectionOf(key)))].sort();
  const parts = names.map((name) => {
    const own = settings.filter(({ key }) => sectionOf(key) === name);
    const services = [...new Set(own.flatMap((one) => one.services))].sort();
    const title = name === '' ? 'Without a section' : `\`${name}\``;
    return `## ${title}\n\nRead by ${services.join(', ')}.\n\n${own.map(settingMarkdown).join('\n')}`;
  });
  return parts.join('\n');
}

function sectionOf(key: string): string {
  return key.includes('.') ? (key.split('.')[0] ?? '') : '';
}

function settingMarkdown(setting: KnownSetting): string {
  const { key, kind, description, example, required, secret, items } = setting;
  const facts = [...(required ? ['required'] : []), ...(secret ? ['secret'] : []), kindName(kind), ...factsOf(setting)];
  const lines = [
    `### \`${key}\``,
    `\`${environmentName(key)}\`: ${description}`,
    `${facts.join('; ')}. Example: \`${example}\``,
    ...(items ?? []).map((item) => {
      const inner = [...(item.required ? ['required'] : []), ...(item.secret ? ['secret'] : []), kindName(item.kind)];
      return `- \`${item.key}\`: ${item.description} (${[...inner, ...factsOf(item)].join('; ')})`;
    }),
  ];
  const head = lines.slice(0, 3).join('\n\n');
  return `${head}\n${lines.length > 3 ? `\n${lines.slice(3).join('\n')}\n` : ''}`;
}

function kindName(kind: SettingEntry['kind']): string {
  return { list: 'list of texts', map: 'map of names and texts', sections: 'list of sections' }[kind as string] ?? kind;
}

/** A JSON Schema (2020-12) of the configuration file, for editors. */
export function settingsJsonSchema(settings: readonly SettingEntry[]): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of QA Intelligent PMS',
    ...sectionSchema(settings, ''),
  };
}

function sectionSchema(settings: readonly SettingEntry[], prefix: string): object {
  const properties: Record<string, object> = {};
  for (const setting of settings.filter(({ key }) => key.startsWith(prefix))) {
    const [name = '', ...deeper] = setting.key.slice(prefix.length).split('.');
    if (deeper.length > 0) properties[name] ??= sectionSchema(settings, `${prefix}${name}.`);
    else {
      Object.assign(properties, givenSchemas(name, setting));
    }
  }
  return { type: ['object', 'null'], properties, additionalProperties: false };
}

/** A value may also be in a file. */
function givenSchemas(name: string, setting: SettingEntry): Record<string, object> {
  const inFile = { type: 'string', description: `File that holds ${setting.key}.` };
  return { [name]: settingSchema(setting), [`${name}_file`]: inFile };
}

function settingSchema({ kind, description, default: value, values, min, max, fraction, items }: SettingEntry): object {
  const text = { type: 'string', ...(values && { enum: values }) };
  const form: Record<SettingEntry['kind'], object> = {
    text,
    number: {
      type: fraction ? 'number' : 'integer',
      ...(min !== undefined && { minimum: min }),
      ...(max !== undefined && { maximum: max }),
    },
    boolean: { type: 'boolean' },
    list: { type: 'array', items: text },
    map: { type: 'object', additionalProperties: text },
    sections: { type: 'array', items: memberSchema(items ?? []) },
  };
  return { description, ...form[kind], ...(value !== undefined && { default: value }) };
}

function memberSchema(items: readonly SettingEntry[]): object {
  const allOf = items
    .filter((item) => item.required)
    .map(({ key }) => ({ anyOf: [{ required: [key] }, { required: [`${key}_file`] }] }));
  const properties = Object.assign({}, ...items.map((item) => givenSchemas(item.key, item))) as object;
  return { type: 'object', properties, allOf, additionalProperties: false };
}
