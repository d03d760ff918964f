import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { boundaryViolations } from './boundaries.js';
import { sourceViolations } from './sources.js';

const PROJECTS = {
  'libs/contracts': ['type:lib', 'lib:contracts'],
  'libs/platform': ['type:lib', 'lib:platform'],
  'libs/database': ['type:lib', 'lib:database'],
  'libs/http': ['type:lib', 'lib:http'],
  'libs/client': ['type:lib', 'lib:client'],
  'libs/testing': ['type:lib', 'lib:testing'],
  'apps/workflow': ['type:service'],
  'apps/tracking': ['type:service'],
  'apps/simulators': ['type:simulators'],
  'apps/all-in-one': ['type:app', 'app:all-in-one'],
  'apps/cli': ['type:app', 'app:cli'],
  'apps/web': ['type:app', 'app:web'],
};

let root;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'qa-pms-boundaries-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** Violations in a repository with all projects and these files. */
function violationsOf(files, projects = PROJECTS) {
  const nodes = {};
  for (const [folder, tags] of Object.entries(projects)) {
    const name = folder.split('/').at(-1);
    nodes[name] = { name, data: { root: folder, tags } };
    write(`${folder}/package.json`, JSON.stringify({ name: `@qa-pms/${name}`, exports: { '.': {} } }));
  }
  for (const [path, text] of Object.entries(files)) write(path, text);
  return boundaryViolations({ graph: { nodes } }, root);
}

const importing = (specifier) => `import { x } from '${specifier}';\nexport const y = x;\n`;

describe('the boundaries', () => {
  it('allow what the architecture allows', () => {
    const violations = violationsOf({
      'libs/contracts/src/a.ts': importing('class-validator') + importing('class-transformer'),
      'libs/platform/src/a.ts': importing('@qa-pms/contracts') + importing('node:fs'),
      'libs/database/src/a.ts': importing('@qa-pms/platform'),
      'libs/http/src/a.ts': importing('@qa-pms/contracts'),
      'libs/testing/src/a.ts': importing('@qa-pms/database') + importing('@qa-pms/platform'),
      'apps/workflow/src/a.ts': importing('@qa-pms/database') + importing('./b.js'),
      'apps/workflow/src/b.ts': 'export const x = 1;\n',
      'apps/workflow/src/a.spec.ts': importing('@qa-pms/testing'),
      'apps/workflow/test/workflow.int.spec.ts': importing('@qa-pms/testing') + importing('@qa-pms/simulators'),
      'apps/all-in-one/src/a.ts': importing('@qa-pms/workflow') + importing('@qa-pms/simulators'),
      'apps/cli/src/a.ts': importing('@qa-pms/all-in-one') + importing('@qa-pms/database'),
      'apps/web/src/a.tsx': importing('@qa-pms/client') + importing('react'),
    });

    expect(violations).toEqual([]);
  });

  it.each([
    [
      'a service importing another service',
      'apps/workflow/src/a.ts',
      '@qa-pms/tracking',
      /never imports another service/,
    ],
    [
      'a test of a service importing another',
      'apps/workflow/src/a.spec.ts',
      '@qa-pms/tracking',
      /never imports another/,
    ],
    ['a service importing all-in-one', 'apps/workflow/src/a.ts', '@qa-pms/all-in-one', /imports libs only/],
    ['a service importing the simulators', 'apps/workflow/src/a.ts', '@qa-pms/simulators', /imports libs only/],
    ['what runs importing libs/testing', 'apps/workflow/src/a.ts', '@qa-pms/testing', /for tests only/],
    ['cli importing a service', 'apps/cli/src/a.ts', '@qa-pms/workflow', /cli imports/],
    ['web importing contracts', 'apps/web/src/a.tsx', '@qa-pms/contracts', /web imports libs\/client only/],
    ['simulators importing a service', 'apps/simulators/src/a.ts', '@qa-pms/workflow', /simulators import libs only/],
    ['all-in-one importing cli', 'apps/all-in-one/src/a.ts', '@qa-pms/cli', /all-in-one imports/],
    ['contracts importing platform', 'libs/contracts/src/a.ts', '@qa-pms/platform', /no other project/],
    ['contracts importing a Nest runtime', 'libs/contracts/src/a.ts', '@nestjs/common', /may import only/],
    ['contracts importing Node', 'libs/contracts/src/a.ts', 'node:crypto', /may import only/],
    ['platform importing database', 'libs/platform/src/a.ts', '@qa-pms/database', /may import only contracts/],
    ['http importing database', 'libs/http/src/a.ts', '@qa-pms/database', /may import only/],
    ['a lib importing a service', 'libs/database/src/a.ts', '@qa-pms/workflow', /may import only/],
    ['a deep import', 'apps/all-in-one/src/a.ts', '@qa-pms/workflow/src/steps.js', /not exported/],
    ['a package importing itself', 'apps/workflow/src/a.ts', '@qa-pms/workflow', /its own package/],
    ['an import of nothing', 'apps/workflow/src/a.ts', '@qa-pms/common', /no project/],
  ])('refuse %s', (_name, file, specifier, message) => {
    const violations = violationsOf({ [file]: importing(specifier) });

    expect(violations).toEqual([expect.stringMatching(message)]);
    expect(violations[0]).toContain(`${file}:1`);
  });

  it('refuse a path into another project', () => {
    const violations = violationsOf({
      'apps/workflow/src/a.ts': importing('../../tracking/src/b.js'),
      'apps/tracking/src/b.ts': 'export const x = 1;\n',
    });

    expect(violations).toEqual([expect.stringMatching(/leaves its project/)]);
  });

  it('refuse imports that are written in other ways', () => {
    const violations = violationsOf({
      'apps/workflow/src/a.ts': `export * from '@qa-pms/tracking';\nexport const load = () => import('@qa-pms/tracking');\n`,
      'apps/workflow/src/b.ts': `import type { X } from '@qa-pms/tracking';\nexport type Y = X;\n`,
    });

    expect(violations).toHaveLength(3);
  });

  it('refuse a circle of files, and not one of types only', () => {
    const violations = violationsOf({
      'apps/workflow/src/a.ts': `import { b } from './b.js';\nexport const a = () => b;\n`,
      'apps/workflow/src/b.ts': `import { c } from './c.js';\nexport const b = () => c;\n`,
      'apps/workflow/src/c.ts': `import { a } from './a.js';\nexport const c = () => a;\n`,
      'apps/tracking/src/a.ts': `import { b } from './b.js';\nexport type A = typeof b;\n`,
      'apps/tracking/src/b.ts': `import type { A } from './a.js';\nexport const b = (a: A) => a;\n`,
    });

    expect(violations).toEqual([expect.stringMatching(/^import cycle: .*a\.ts → .*b\.ts → .*c\.ts$/)]);
  });

  it('refuse a project without a tag', () => {
    const violations = violationsOf({}, { 'apps/new': [] });

    expect(violations).toEqual([expect.stringMatching(/apps\/new: has no tag/)]);
  });
});

describe('the rules for single files', () => {
  it('refuse a long file and allow a longer test', () => {
    const lines = 'export {};\n'.repeat(301);
    write('apps/workflow/src/long.ts', lines);
    write('apps/workflow/src/long.spec.ts', lines);

    expect(sourceViolations(root)).toEqual([expect.stringMatching(/long\.ts: 301 lines/)]);
  });

  it('refuse reading the environment beside the settings', () => {
    const text = `export const port = process.env['PORT'];\n`;
    write('libs/platform/src/configuration/environment.ts', text);
    write('apps/workflow/src/port.ts', text);

    expect(sourceViolations(root)).toEqual([expect.stringMatching(/apps\/workflow\/src\/port\.ts:1: process\.env/)]);
  });
});
