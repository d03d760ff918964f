import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { cyclesOf, importsOf, resolveRelative } from './imports.js';
import { filesBelow } from './projects.js';

/** Libs that a lib may import. What stands here is the direction of the whole. */
const LIB_IMPORTS = {
  contracts: [],
  platform: ['contracts'],
  database: ['contracts', 'platform'],
  http: ['contracts', 'platform'],
  client: [],
  testing: ['contracts', 'platform', 'database', 'http', 'client'],
};
/** All that contracts may import from outside: a browser must be able to load it. */
const CONTRACTS_PACKAGES = ['class-validator', 'class-transformer', 'reflect-metadata'];

const isTest = (file) => /\.spec\.tsx?$/.test(file) || /(^|\/)(test|tests)\//.test(file);

/** A project's kind: the name of its rule. */
function kindOf({ data }) {
  const tags = data.tags ?? [];
  const lib = tags.find((tag) => tag.startsWith('lib:'));
  if (lib) return { kind: 'lib', name: lib.slice('lib:'.length) };
  const app = tags.find((tag) => tag.startsWith('app:'));
  if (app) return { kind: app.slice('app:'.length) };
  const type = tags.find((tag) => tag.startsWith('type:'));
  return type ? { kind: type.slice('type:'.length) } : null;
}

/** Why `from` may not import `to`; null where it may. `test` is whether a test file does. */
function refusal(from, to, test) {
  const toTesting = to.kind === 'lib' && to.name === 'testing';
  if (test && toTesting && from.kind !== 'web') return null;
  switch (from.kind) {
    case 'lib': {
      const allowed = LIB_IMPORTS[from.name] ?? [];
      if (to.kind === 'lib' && allowed.includes(to.name)) return null;
      return `libs/${from.name} may import ${allowed.length === 0 ? 'no other project' : `only ${allowed.join(', ')}`}`;
    }
    case 'service':
      if (to.kind === 'service') return 'a service never imports another service: send it a message';
      if (test && to.kind === 'simulators') return null;
      return libOnly(to, toTesting, 'a service imports libs only');
    case 'simulators':
      return libOnly(to, toTesting, 'simulators import libs only');
    case 'all-in-one':
      if (to.kind === 'service' || to.kind === 'simulators') return null;
      return libOnly(to, toTesting, 'all-in-one imports libs, services and simulators only');
    case 'cli':
      if (to.kind === 'all-in-one') return null;
      return libOnly(to, toTesting, 'cli imports libs and the list of services of all-in-one only');
    case 'web':
      return to.kind === 'lib' && to.name === 'client' ? null : 'web imports libs/client only';
    default:
      return `a project of kind ${from.kind} has no rule in tools/boundaries.js`;
  }
}

function libOnly(to, toTesting, otherwise) {
  if (toTesting) return 'libs/testing is for tests only';
  return to.kind === 'lib' ? null : otherwise;
}

/** All violations of the boundaries, as sentences. `graph` is the JSON of `nx graph --file`. */
export function boundaryViolations(graph, root) {
  const projects = Object.values(graph.graph.nodes)
    .filter((node) => node.data.root !== '.')
    .map((node) => readProject(node, root));
  const untagged = projects.filter(({ rule }) => rule === null);
  if (untagged.length > 0) return untagged.map(({ folder }) => `${folder}: has no tag that says what it may import`);

  const violations = [];
  const files = new Map();
  for (const project of projects) {
    for (const file of project.files) {
      const { problems, targets } = checkFile(file, project, projects, root);
      violations.push(...problems);
      files.set(file, targets);
    }
  }
  for (const cycle of cyclesOf(files)) {
    violations.push(`import cycle: ${cycle.map((file) => relative(root, file)).join(' → ')}`);
  }
  return violations;
}

function readProject(node, root) {
  const folder = node.data.root;
  const packageFile = join(root, folder, 'package.json');
  const manifest = existsSync(packageFile) ? JSON.parse(readFileSync(packageFile, 'utf8')) : {};
  const files = filesBelow(join(root, folder)).filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'));
  // The integrations' folder is no project, but one project's folder may lie in another's.
  return { folder, rule: kindOf(node), name: manifest.name, exports: Object.keys(manifest.exports ?? {}), files };
}

function checkFile(file, project, projects, root) {
  const problems = [];
  const targets = [];
  const place = relative(root, file).split(sep).join('/');
  const complain = (line, what) => problems.push(`${place}:${line}: ${what}`);
  for (const { specifier, typeOnly, lazy, line } of importsOf(file)) {
    if (specifier.startsWith('.')) {
      const target = resolveRelative(file, specifier);
      const inside = target === null || !relative(join(root, project.folder), target).startsWith('..');
      if (!inside) complain(line, `'${specifier}' leaves its project: import the package by its name`);
      else if (target !== null && !typeOnly && !lazy) targets.push(target);
      continue;
    }
    const other = projects.find(({ name }) => name && (specifier === name || specifier.startsWith(`${name}/`)));
    if (!other) {
      const foreign = outsideRefusal(project.rule, specifier, isTest(place));
      if (foreign) complain(line, foreign);
      continue;
    }
    if (other === project) {
      // Its integration tests may use it as others do.
      if (!isTest(place)) complain(line, `'${specifier}' is its own package: import the file by its path`);
      continue;
    }
    const reason = refusal(project.rule, other.rule, isTest(place));
    if (reason) complain(line, `'${specifier}': ${reason}`);
    if (!other.exports.includes(`.${specifier.slice(other.name.length)}`)) {
      complain(line, `'${specifier}' is not exported by its package`);
    }
  }
  return { problems, targets };
}

function outsideRefusal(rule, specifier, test) {
  if (specifier.startsWith('@qa-pms/')) return `'${specifier}' is no project of this repository`;
  if (test || rule.kind !== 'lib' || rule.name !== 'contracts') return null;
  const allowed = CONTRACTS_PACKAGES.some((name) => specifier === name || specifier.startsWith(`${name}/`));
  return allowed ? null : `'${specifier}': libs/contracts may import only ${CONTRACTS_PACKAGES.join(', ')}`;
}
