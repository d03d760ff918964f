import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Keyring } from '../secrets.js';
import { Configuration } from './configuration.js';
import { type CheckedSettings, type ReportProblem, Setting, type SettingsClass } from './setting.js';
import { SettingsError } from './settings-error.js';

class Site {
  @Setting({ key: 'url', description: 'Address.', example: 'https://a.example.com' })
  url = '';

  @Setting({ key: 'token', description: 'Token.', example: 't', secret: true })
  token = '';

  @Setting({ key: 'weight', description: 'Share of the load.', example: '2', min: 1 })
  weight = 1;
}

class ToySettings implements CheckedSettings {
  @Setting({ key: 'toy.name', description: 'Name of the toy.', example: 'bear' })
  name = '';

  @Setting({ key: 'toy.size', description: 'Size in cm.', example: '20', min: 5, max: 300, reloadable: true })
  size = 10;

  @Setting({ key: 'toy.ratio', description: 'Share of plush.', example: '0.5', fraction: true, max: 1 })
  ratio = 1;

  @Setting({ key: 'toy.loud', description: 'Whether it makes a noise.', example: 'true' })
  loud = false;

  @Setting({ key: 'toy.colour', description: 'Its colour.', example: 'red', values: ['red', 'green', 'blue'] })
  colour = 'red';

  @Setting({
    key: 'toy.tags',
    description: 'Tags.',
    example: 'soft,small',
    check: (tag) => (/^\w+$/.test(tag) ? null : 'is no tag'),
  })
  tags: string[] = [];

  @Setting({ key: 'toy.names', description: 'Names by language.', example: '{"de": "Bär"}' })
  names: Record<string, string> = {};

  @Setting({ key: 'toy.sites', description: 'Where it is sold.', example: '[]', items: Site })
  sites: Site[] = [];

  @Setting({
    key: 'toy.secret',
    description: 'Its secret.',
    example: 's',
    secret: true,
    optional: true,
    reloadable: true,
  })
  secret = '';

  @Setting({ key: 'toy.limit', description: 'Largest size.', example: '100' })
  limit = 300;

  check(report: ReportProblem): void {
    if (this.size > this.limit) report('toy.size', `is above toy.limit (${String(this.limit)})`, 'toy.limit');
    if (this.loud && this.secret === '') report('toy.secret', 'is needed where toy.loud is true');
    if (this.sites.some(({ url }) => url === '')) report('toy.sites', 'holds a site without an address');
  }
}

const KEY = '11'.repeat(32);
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qa-pms-configuration-'));
  file = join(folder, 'toy.yaml');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(text: string, name = 'toy.yaml'): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function load(yaml: string, environment: Record<string, string> = {}): Promise<Configuration> {
  return Configuration.load({ environment, file: write(yaml) });
}

function problemsOf(configuration: Configuration, settings: SettingsClass = ToySettings) {
  try {
    configuration.check([settings]);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

describe('where a value comes from', () => {
  it('is the default, then the file, then the environment', async () => {
    const configuration = await load('toy:\n  name: from file\n  size: 20\n', { TOY_SIZE: '30' });

    expect(configuration.read(ToySettings)).toMatchObject({ name: 'from file', size: 30, limit: 300 });
  });

  it('is the content of a file that NAME_FILE names, without its last newline', () => {
    const path = write('a secret\n\n', 'secret');

    const { secret } = Configuration.fromEnvironment({ TOY_NAME: 'n', TOY_SECRET_FILE: path }).read(ToySettings);

    expect(secret).toBe('a secret\n');
  });

  it('is the content of a file that the YAML file names, from its own folder', async () => {
    write('a secret\n', 'secret');

    const configuration = await load('toy: { name: n, secret_file: secret }\n');

    expect(configuration.read(ToySettings).secret).toBe('a secret');
  });

  it('is what the program provides where nothing else is given', async () => {
    const configuration = await load('toy:\n  size: 20\n');
    configuration.provide({ TOY_NAME: 'provided', TOY_SIZE: '40' }, 'the test');

    expect(configuration.read(ToySettings)).toMatchObject({ name: 'provided', size: 20 });
  });

  it('is the default for a key without a value, and for an empty variable', async () => {
    const configuration = await load('toy:\n  name: n\n  size:\n  ratio: ~\nlog:\n', { TOY_LIMIT: '' });

    expect(configuration.read(ToySettings)).toMatchObject({ size: 10, ratio: 1, limit: 300 });
  });

  it('can be a list, a map or sections, in YAML and in the environment', async () => {
    const expected = {
      tags: ['soft', 'small'],
      names: { de: 'Bär', en: 'no' },
      sites: [
        { url: 'https://a', token: 't', weight: 2 },
        { url: 'https://b', token: 'u', weight: 1 },
      ],
    };

    const inFile = await load(`
toy:
  name: n
  tags: [soft, small]
  names: { de: Bär, en: no }
  sites:
    - { url: https://a, token: t, weight: 2 }
    - url: https://b
      token: u
`);
    const inEnvironment = Configuration.fromEnvironment({
      TOY_NAME: 'n',
      TOY_TAGS: 'soft, small',
      TOY_NAMES: '{"de": "Bär", "en": "no"}',
      TOY_SITES: '[{"url": "https://a", "token": "t", "weight": 2}, {"url": "https://b", "token": "u"}]',
    });

    expect(inFile.read(ToySettings)).toMatchObject(expected);
    expect(inEnvironment.read(ToySettings)).toMatchObject(expected);
  });

  it('is shown with its origin, secrets masked', async () => {
    const configuration = await load('toy:\n  name: n\n  sites: [{ url: https://a, token: t }]\n', { TOY_SECRET: 's' });

    const shown = configuration.inForce([ToySettings]);

    expect(Object.fromEntries(shown.map(({ entry, value, origin }) => [entry.key, [value, origin]]))).toMatchObject({
      'toy.name': ['n', `${file}:2:9`],
      'toy.size': [10, 'default'],
      'toy.secret': ['********', 'TOY_SECRET'],
      'toy.sites': [[{ url: 'https://a', token: '********', weight: 1 }], `${file}:3:10`],
    });
  });
});

describe('what is shown', () => {
  it('holds no password of an address, in lists, maps and sections either', () => {
    const address = 'https://bot:hunter2@a.example.com';
    const configuration = Configuration.fromEnvironment({
      TOY_NAME: address,
      TOY_NAMES: JSON.stringify({ de: address }),
      TOY_SITES: JSON.stringify([{ url: address, token: 't' }]),
    });

    const shown = configuration.inForce([ToySettings]).map(({ value }) => value);

    const redacted = 'https://[redacted]@a.example.com';
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(shown).toEqual(expect.arrayContaining([redacted, { de: redacted }]));
  });
});

describe('what is wrong', () => {
  it('is named all at once: twenty mistakes are twenty errors, each with its place', async () => {
    const yaml = `toy:
  size: 4
  ratio: many
  loud: maybe
  colour: grean
  tags: [fine, "not fine", 'no:']
  names: [de]
  sites:
    - { url: https://a }
    - url: https://b
      token: t
      wieght: 2
      weight: 0.5
    - nowhere
  colur: red
  limit: 1
  limit: 2
  secret: [a]
databse:
  url: x
database: here
pool_max: 3
log:
  levle: debug
sonstiges: { a: 1 }
`;
    const configuration = await load(yaml, { TOY_LOUD: 'loud', TOY_SECRET_FILE: '/nonexistent', PORTT: 'ignored' });

    const problems = problemsOf(configuration).map(({ key, place, problem }) => [
      place.replace(file, 'F'),
      key,
      problem,
    ]);

    expect(problems).toEqual([
      ['F:17:3', '', '"limit" was said before, in line 16'],
      ['F:15:3', 'toy.colur', 'is not known; did you mean toy.colour?'],
      ['F:19:1', 'databse', 'is not known; did you mean database?'],
      ['F:21:11', 'database', expect.stringMatching(/^is a section of \w+.*, not a value$/)],
      ['F:22:1', 'pool_max', 'is not known; did you mean database.pool_max?'],
      ['F:24:3', 'log.levle', 'is not known; did you mean log.level?'],
      ['F:25:1', 'sonstiges', 'is not known'],
      ['TOY_NAME', 'toy.name', 'is missing'],
      ['F:2:9', 'toy.size', '"4" is below 5'],
      ['F:3:10', 'toy.ratio', '"many" is not a number'],
      ['TOY_LOUD', 'toy.loud', '"loud" is neither true nor false'],
      ['F:5:11', 'toy.colour', '"grean" is not one of red, green, blue; did you mean green?'],
      ['F:6:17', 'toy.tags[1]', '"not fine" is no tag'],
      ['F:6:29', 'toy.tags[2]', '"no:" is no tag'],
      ['F:7:10', 'toy.names', 'is to be a map of names and values, not a list'],
      ['F:9:7', 'toy.sites[0].token', 'is missing'],
      ['F:12:7', 'toy.sites[1].wieght', 'is not known; did you mean weight?'],
      ['F:13:15', 'toy.sites[1].weight', '"0.5" is not a whole number'],
      ['F:14:7', 'toy.sites[2]', 'is to be a section, not one value'],
      ['TOY_SECRET_FILE', 'toy.secret', 'names the file /nonexistent, which does not exist'],
    ]);
  });

  it('is said with meaning and example, in the words of the source', async () => {
    const configuration = await load('toy:\n  name: n\n  size: big\n', { TOY_LIMIT: 'none' });

    expect(() => {
      configuration.check([ToySettings]);
    }).toThrow(
      'The configuration is not valid:\n' +
        `  - ${file}:3:9: toy.size "big" is not a number. Size in cm. Example: size: 20\n` +
        '  - TOY_LIMIT "none" is not a number. Largest size. Example: TOY_LIMIT=100',
    );
  });

  it('never shows a secret', () => {
    class Strict {
      @Setting({ key: 'toy.pin', description: 'Pin.', example: '1', secret: true, check: () => 'is no pin' })
      pin = '';
    }

    const problems = problemsOf(Configuration.fromEnvironment({ TOY_PIN: 'hidden' }), Strict);

    expect(problems).toMatchObject([{ key: 'toy.pin', problem: 'has a value that is no pin' }]);
  });

  it('includes values that do not go together, with the place of one of them', async () => {
    const configuration = await load('toy:\n  name: n\n  size: 200\n  limit: 100\n');

    expect(problemsOf(configuration)).toMatchObject([
      { key: 'toy.size', place: `${file}:3:9`, problem: 'is above toy.limit (100)' },
    ]);
  });

  it('includes values that do not go together beside those that are wrong by themselves', () => {
    const given = { TOY_NAME: 'n', TOY_RATIO: 'much', TOY_SIZE: '200', TOY_LIMIT: '100', TOY_LOUD: 'true' };

    expect(problemsOf(Configuration.fromEnvironment(given)).map(({ key }) => key)).toEqual([
      'toy.ratio',
      'toy.size',
      'toy.secret',
    ]);
  });

  it.each<[string, Record<string, string>]>([
    ['it', { TOY_LIMIT: '5', TOY_SIZE: 'big' }],
    ['what it is compared with', { TOY_LIMIT: 'none', TOY_SIZE: '200' }],
    ['a member of it', { TOY_SITES: '[{"token": "t"}]' }],
    ['its secret', { TOY_LOUD: 'true', TOY_SECRET: 'enc:v1:x' }],
  ])('does not include that a value goes with no other where %s is wrong by itself', (_what, given) => {
    expect(problemsOf(Configuration.fromEnvironment({ TOY_NAME: 'n', ...given }))).toHaveLength(1);
  });

  it('does not include that values do not go together where the file is not legible', async () => {
    const configuration = await load('toy:\n  secret: [\n', { TOY_NAME: 'n', TOY_LOUD: 'true' });

    expect(problemsOf(configuration).map(({ key }) => key)).toEqual(['']);
  });

  it('shows no password of an address, wherever it stands', async () => {
    const address = 'https://bot:hunter2@a.example.com';
    const configuration = await load(`toy:
  name: { a: 1 }
  size: ${address}
  loud: ${address}
  colour: ${address}
  tags: [soft, ${address}]
  sites: [{ url: a, token: b, weight: '${address}', '${address}': c }]
`);

    const problems = problemsOf(configuration);

    expect(problems).toHaveLength(7);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
    expect(problems).toContainEqual(
      expect.objectContaining({ problem: '"https://[redacted]@a.example.com" is not a number' }),
    );
  });

  it.each([
    [
      { TOY_SECRET: 'a', TOY_SECRET_FILE: 'b' },
      '',
      'TOY_SECRET',
      'and TOY_SECRET_FILE are both set: unset one of them',
    ],
    [{}, '  secret: a\n  secret_file: b\n', ':4:16', 'and toy.secret_file are both given: remove one of them'],
  ])('includes a value that is given twice at one place', async (environment, yaml, place, problem) => {
    const configuration = await load(`toy:\n  name: n\n${yaml}`, environment);

    expect(problemsOf(configuration)).toMatchObject([{ place: expect.stringContaining(place), problem }]);
  });

  it('is said once, also where two classes read the setting', async () => {
    class Other extends ToySettings {}
    const configuration = await load('toy:\n  name: n\n  size: big\n');

    expect(() => {
      configuration.check([ToySettings, Other]);
    }).toThrow(expect.objectContaining({ problems: [expect.objectContaining({ key: 'toy.size' })] }));
  });

  it('is a file that is named and does not exist', async () => {
    const configuration = await Configuration.load({ environment: { CONFIG_FILE: join(folder, 'none.yaml') } });

    expect(problemsOf(configuration)).toMatchObject([{ place: join(folder, 'none.yaml'), problem: 'does not exist' }]);
  });

  it('is told up to a hundred times', async () => {
    const configuration = await load(
      `toy:\n  name: n\n${Array.from({ length: 5000 }, (_, i) => `x${String(i)}: 1\n`).join('')}`,
    );

    expect(problemsOf(configuration)).toHaveLength(1_000);
    expect(() => {
      configuration.check([ToySettings]);
    }).toThrow(/… and 900 more$/);
  });
});

describe('an encrypted value', () => {
  const keys = new Keyring(KEY);

  it('is opened in the file, in the environment and in lists, whatever its position there', async () => {
    const sealed = keys.encrypt('t1', 'toy.sites.token');
    write(keys.encrypt('t2', 'toy.sites.token'), 'sealed');
    const more = '{ url: c, token_file: sealed }';
    const yaml = `toy:\n  name: n\n  sites: [{ url: a, token: x }, { url: b, token: ${sealed} }, ${more}]\n`;

    const configuration = await load(yaml, { ENCRYPTION_KEY: KEY, TOY_SECRET: keys.encrypt('s1', 'toy.secret') });

    const { secret, sites } = configuration.read(ToySettings);
    expect([secret, sites[1]?.token, sites[2]?.token]).toEqual(['s1', 't1', 't2']);
  });

  it('is opened with an earlier key too', () => {
    const environment = {
      TOY_NAME: 'n',
      ENCRYPTION_KEY: '22'.repeat(32),
      ENCRYPTION_PREVIOUS_KEYS: `${'33'.repeat(32)},${KEY}`,
      TOY_SECRET: keys.encrypt('s1', 'toy.secret'),
    };

    expect(Configuration.fromEnvironment(environment).read(ToySettings).secret).toBe('s1');
  });

  it.each([
    ['of another key', { ENCRYPTION_KEY: '22'.repeat(32) }, keys.encrypt('s', 'toy.secret'), 'another master key'],
    ['without a master key', {}, keys.encrypt('s', 'toy.secret'), 'There is no master key: set ENCRYPTION_KEY'],
    ['that was moved', { ENCRYPTION_KEY: KEY }, keys.encrypt('s', 'toy.name'), 'was moved there from elsewhere'],
    ['that was cut', { ENCRYPTION_KEY: KEY }, keys.encrypt('s', 'toy.secret').slice(0, -4), 'is damaged'],
    ['that is none', { ENCRYPTION_KEY: KEY }, 'enc:v1:x', 'is not of the form'],
  ])('%s is refused', (_what, environment, value, problem) => {
    const configuration = Configuration.fromEnvironment({ TOY_NAME: 'n', TOY_SECRET: value, ...environment });

    const problems = problemsOf(configuration);

    expect(problems).toMatchObject([{ place: 'TOY_SECRET', problem: expect.stringContaining(problem) }]);
    expect(problems[0]?.problem).toMatch(/^cannot be decrypted: /);
  });
});

describe('a reload', () => {
  it('changes what can change, in place, and names what needs a restart', async () => {
    const configuration = await load('toy:\n  name: one\n  size: 20\n');
    const settings = configuration.read(ToySettings);
    let told = 0;
    configuration.onReload(() => (told += 1));

    write('toy:\n  name: two\n  size: 30\n  secret: new\n');
    const reloaded = await configuration.reload();

    expect(reloaded).toEqual({ applied: ['toy.size', 'toy.secret'], needRestart: ['toy.name'] });
    expect(settings).toMatchObject({ name: 'one', size: 30, secret: 'new' });
    expect(told).toBe(1);
  });

  it('reads the content of files again', async () => {
    write('old', 'secret');
    const configuration = await load('toy:\n  name: one\n  secret_file: secret\n');
    const settings = configuration.read(ToySettings);

    write('new', 'secret');
    await configuration.reload();

    expect(settings.secret).toBe('new');
  });

  it('of a file with a fault changes nothing', async () => {
    const configuration = await load('toy:\n  name: one\n  size: 20\n');
    const settings = configuration.read(ToySettings);
    let told = 0;
    configuration.onReload(() => (told += 1));

    write('toy:\n  name: two\n  size: 30\n  ratio: much\n');

    await expect(configuration.reload()).rejects.toThrow(`${file}:4:10: toy.ratio "much" is not a number.`);
    expect([settings.name, settings.size, told]).toEqual(['one', 20, 0]);
  });

  it('of a file that is gone changes nothing', async () => {
    const configuration = await load('toy:\n  name: one\n  size: 20\n');
    const settings = configuration.read(ToySettings);
    rmSync(file);

    await expect(configuration.reload()).rejects.toThrow(`${file}: does not exist.`);
    expect(settings.size).toBe(20);
  });

  it('that comes to no new values changes nothing', async () => {
    const configuration = await load('toy:\n  name: one\n');
    configuration.read(ToySettings);

    expect(await configuration.reload()).toEqual({ applied: [], needRestart: [] });
  });
});
