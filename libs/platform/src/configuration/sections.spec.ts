import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Configuration } from './configuration.js';
import { Setting } from './setting.js';
import { SettingsError, type SettingProblem } from './settings-error.js';

class Site {
  @Setting({ key: 'url', description: 'Address.', example: 'https://a.example.com' })
  url = '';

  @Setting({ key: 'token', description: 'Token.', example: 't', secret: true })
  token = '';

  @Setting({ key: 'weight', description: 'Share of the load.', example: '2', min: 1 })
  weight = 1;
}

class Toy {
  @Setting({ key: 'toy.sites', description: 'Where it is sold.', example: '[]', items: Site })
  sites: Site[] = [];
}

describe('a value of a section in a list', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'qa-pms-sections-'));
    file = join(folder, 'toy.yaml');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function write(text: string, name: string): string {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  function load(yaml: string): Promise<Configuration> {
    return Configuration.load({ environment: {}, file: write(yaml, 'toy.yaml') });
  }

  function problemsOf(configuration: Configuration): SettingProblem[] {
    try {
      configuration.check([Toy]);
      return [];
    } catch (error) {
      if (error instanceof SettingsError) return error.problems;
      throw error;
    }
  }

  it('is what a file holds, from the folder of what names it', async () => {
    write('a secret\n', 'secret');
    write('7\n', 'weight');
    const site = { url: 'https://a', token_file: 'secret', weight_file: 'weight' };
    const list = write(JSON.stringify([site]), 'list.json');

    const all = [
      await load(`toy:\n  sites: ${JSON.stringify([site])}\n`),
      await load('toy: { sites_file: list.json }\n'),
      Configuration.fromEnvironment({ TOY_SITES_FILE: list }),
      Configuration.fromEnvironment({
        TOY_SITES: JSON.stringify([
          { ...site, token_file: join(folder, 'secret'), weight_file: join(folder, 'weight') },
        ]),
      }),
    ];

    for (const configuration of all)
      expect(configuration.read(Toy).sites).toEqual([{ url: 'https://a', token: 'a secret', weight: 7 }]);
  });

  it('is refused with the place of the name of the file', async () => {
    write('heavy', 'weight');
    const configuration = await load(`toy:
  sites:
    - { url: a, token: t, token_file: secret }
    - { url: a, token_file: none }
    - { url: a, token_file: [none] }
    - { url: a, token: t, weight_file: weight }
    - { url: a, tokn_file: weight }
`);

    const problems = problemsOf(configuration).map(({ place, key, problem }) => [
      place.replace(file, 'F'),
      key,
      problem,
    ]);

    expect(problems).toEqual([
      ['F:3:39', 'toy.sites[0].token', 'and token_file are both given: remove one of them'],
      ['F:4:29', 'toy.sites[1].token', `names the file ${join(folder, 'none')}, which does not exist`],
      ['F:5:29', 'toy.sites[2].token_file', 'is to be the path of a file'],
      ['F:6:40', 'toy.sites[3].weight', '"heavy" is not a number'],
      ['F:7:17', 'toy.sites[4].tokn_file', 'is not known'],
      ['F:7:7', 'toy.sites[4].token', 'is missing'],
    ]);
  });
});
