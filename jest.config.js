import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;

/** Packages of this repository, each with the source file that stands for its built one. */
function sourceEntries() {
  const folders = ['libs', 'apps', 'apps/integrations']
    .filter((parent) => existsSync(join(root, parent)))
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .filter((folder) => existsSync(join(folder, 'package.json')));
  return Object.fromEntries(
    folders.flatMap((folder) => {
      const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return Object.entries(exports ?? {})
        .filter(([, target]) => target.source)
        .map(([path, target]) => [`^${name}${path.slice(1)}$`, join(folder, target.source)]);
    }),
  );
}

const project = {
  rootDir: root,
  testEnvironment: 'node',
  // Options given here instead of read from .swcrc of the working directory: jest may be started in a subfolder.
  transform: { '\\.ts$': ['@swc/jest', JSON.parse(readFileSync(join(root, '.swcrc'), 'utf8'))] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { ...sourceEntries(), '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Built copies carry the same package names as their sources.
  modulePathIgnorePatterns: ['/dist/', '/\\.nx/', '/\\.data/'],
  globalSetup: join(root, 'tools/jest/global-setup.js'),
  globalTeardown: join(root, 'tools/jest/global-teardown.js'),
  setupFiles: ['reflect-metadata'],
};

/** @type {import('jest').Config} */
export default {
  rootDir: root,
  // Each worker has a database of its own and services beside it: more of them than cores only wait for each other.
  maxWorkers: 2,
  testTimeout: 30_000,
  projects: [
    {
      ...project,
      displayName: 'test',
      testMatch: ['<rootDir>/{libs,apps}/**/*.spec.ts', '<rootDir>/tools/**/*.spec.js'],
    },
    { ...project, displayName: 'e2e', testMatch: ['<rootDir>/tests/e2e/**/*.e2e.spec.ts'] },
  ],
  collectCoverageFrom: [
    '{libs,apps}/**/src/**/*.ts',
    '!**/*.spec.ts',
    '!**/src/main.ts',
    '!**/migrations/**',
    '!**/*.module.ts',
    '!libs/client/src/generated/**',
    '!**/dist/**',
  ],
  coverageDirectory: '<rootDir>/coverage',
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'lcov', 'json-summary'],
  coverageThreshold: { global: { lines: 85, branches: 85 } },
};
