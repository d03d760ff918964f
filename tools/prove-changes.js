import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { root } from './projects.js';

// `npm run prove:changes`: makes two usual changes in a copy of this repository, checks its types, tries them against
// the running system, and tells which files they took. Fails where they no longer can be made like this.

/** What is put before a text that stands once in its file. */
const CHANGES = {
  'a field on a step': {
    'libs/contracts/src/workflows.ts': [
      [
        "  @ListField(() => StepLink, { description: 'Links.', optional: true })\n",
        "  @TextField({ description: 'Where it was tested.', max: 100, optional: true, nullable: true })\n  environment?: string | null;\n\n",
      ],
      [
        "  @ListField(() => StepLink, { description: 'Links.' })\n",
        "  @TextField({ description: 'Where it was tested.', max: 100, nullable: true })\n  environment!: string | null;\n\n",
      ],
    ],
    'apps/workflow/src/workflows/workflow-rules.ts': [
      ['      notes: null,\n      links: [],\n', '      environment: null,\n'],
      ['notes, links, testsCovered, bugs }: StepContent', 'environment, '],
      ['    ...(links && { links }),\n', '    ...(environment !== undefined && { environment }),\n'],
    ],
    // The builder of the tests, which the type checker asks for.
    'libs/testing/src/build.ts': [['    links: [],\n', '    environment: null,\n']],
  },
  'an event with a consumer': {
    'libs/contracts/src/workflow-changes.ts': [
      [
        'export const WORKFLOW_CHANGES = [',
        `/** Somebody else goes on with a workflow. */
export class WorkflowHandedOver extends event({ service: 'workflow', name: 'workflow-handed-over', key: 'workflowId' }) {
  @IdField({ description: 'The workflow.' })
  workflowId!: string;
}

`,
      ],
    ],
    'apps/workflow/src/workflows/workflows.service.ts': [
      [
        '  tx.publish(WorkflowChanged, { change,',
        "  if (change === 'handed_over') tx.publish(WorkflowHandedOver, { workflowId: workflow.id });\n",
      ],
      ['WorkflowChanged,\n', 'WorkflowHandedOver,\n  '],
    ],
    'apps/tracking/src/sessions/sessions.messages.ts': [
      ["WorkflowChanged } from '@qa-pms/contracts'", 'WorkflowHandedOver, '],
      [
        '  @Handle(GetWorkflowTime)\n',
        '  @Handle(WorkflowHandedOver)\n  workflowHandedOver({ workflowId }: WorkflowHandedOver) {\n    return this.times.workflowTime({ workflowId });\n  }\n\n',
      ],
    ],
  },
};

const SPEC = `import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Workflow } from '@qa-pms/contracts';
import { ticketKeys } from './checks.js';
import { startAllInOneSystem, type System } from './system.js';

let system: System;
let path: string;
beforeAll(async () => {
  system = await startAllInOneSystem({ LOG_LEVEL: 'info' });
  const qa = await system.signIn('qa');
  const [ticketKey] = await ticketKeys(qa, 1);
  path = '/workflows/' + (await qa.post<Workflow>('/workflows', { ticketKey, onActive: 'restart' })).body.id;
}, 120_000);
afterAll(() => system.stop(), 60_000);

it('a field on a step is written, read, checked and documented', async () => {
  const qa = await system.signIn('qa');
  expect((await qa.patch(path + '/steps/0', { environment: 'staging' })).status).toBe(200);
  expect((await qa.get<Workflow>(path)).body.steps[0]).toMatchObject({ environment: 'staging' });
  expect((await qa.get<Workflow>(path)).body.steps[1]).toMatchObject({ environment: null });
  expect((await qa.patch(path + '/steps/0', { environment: 'x'.repeat(101) })).status).toBe(400);
  expect((await qa.get('/openapi.json')).text).toContain('Where it was tested.');
});

it('an event comes to its consumer', async () => {
  const qa = await system.signIn('qa');
  const heir = await (await system.signIn('qa2')).get<{ id: string }>('/auth/me');
  await qa.post(path + '/pause', {});
  expect((await qa.post(path + '/handover', { toUserId: heir.body.id })).status).toBe(200);
  const handled = /"service":"tracking".*"message":"workflow-handed-over.v1","outcome":"ok"/;
  for (let tries = 0; tries < 50 && !handled.test(system.processes.get('all')?.output ?? ''); tries += 1) await sleep(100);
  expect(system.processes.get('all')?.output).toMatch(handled);
});
`;

const copy = mkdtempSync(join(tmpdir(), 'qa-pms-changes-'));
try {
  const left = new Set(['node_modules', '.git', '.data', '.scratch', 'coverage']);
  cpSync(root, copy, { recursive: true, filter: (path) => !left.has(relative(root, path).split('/')[0] ?? '') });
  linkPackages();
  for (const files of Object.values(CHANGES)) for (const [file, edits] of Object.entries(files)) edit(file, edits);
  writeFileSync(join(copy, 'tests/e2e/changes.e2e.spec.ts'), SPEC);
  run('npm', ['run', '-s', 'typecheck']);
  run('npm', ['run', '-s', 'e2e', '--', 'tests/e2e/changes']);
  for (const [what, files] of Object.entries(CHANGES)) {
    const names = Object.keys(files);
    console.log(`${what} takes ${names.length} files:\n  ${names.join('\n  ')}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}

/** Packages of others are those of this folder, ours are the copy's. */
function linkPackages() {
  const modules = join(root, 'node_modules');
  mkdirSync(join(copy, 'node_modules/@qa-pms'), { recursive: true });
  for (const name of readdirSync(modules))
    if (name !== '@qa-pms') symlinkSync(join(modules, name), join(copy, 'node_modules', name));
  for (const name of readdirSync(join(modules, '@qa-pms')))
    cpSync(join(modules, '@qa-pms', name), join(copy, 'node_modules/@qa-pms', name), {
      recursive: true,
      verbatimSymlinks: true,
    });
}

function edit(file, edits) {
  let text = readFileSync(join(copy, file), 'utf8');
  for (const [place, added] of edits) {
    if (text.split(place).length !== 2) throw new Error(`${file} does not have once:\n${place}`);
    text = text.replace(place, () => added + place);
  }
  writeFileSync(join(copy, file), text);
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: copy, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed.`);
}
