import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';

/**
 * Imports of a source file: `{ specifier, typeOnly, line }`. Type-only ones are erased when it is built; a dynamic
 * `import()` with a constant counts as an import that is run later (`lazy`).
 */
export function importsOf(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = [];
  const add = (node, literal, typeOnly, lazy) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    found.push({ specifier: literal.text, typeOnly, lazy, line: line + 1 });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node, node.moduleSpecifier, isErased(node.importClause), false);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
      add(node, node.moduleSpecifier, node.isTypeOnly, false);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteralLike(argument)) add(node, argument, false, true);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, true, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isErased(clause) {
  if (!clause) return false;
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword || clause.isTypeOnly === true;
}

/** The file that a relative import means; null when there is none. */
export function resolveRelative(file, specifier) {
  const path = resolve(dirname(file), specifier);
  const candidates = [
    path.replace(/\.js$/, '.ts'),
    path.replace(/\.js$/, '.tsx'),
    path,
    `${path}.ts`,
    join(path, 'index.ts'),
  ];
  return candidates.find((candidate) => existsSync(candidate) && /\.[a-z]+$/.test(candidate)) ?? null;
}

/** Groups of files that import each other in a circle: Tarjan's strongly connected components of more than one. */
export function cyclesOf(graph) {
  const state = new Map();
  const stack = [];
  const cycles = [];
  let next = 0;
  const visit = (node) => {
    const own = { index: next, low: next, onStack: true };
    next += 1;
    state.set(node, own);
    stack.push(node);
    for (const target of graph.get(node) ?? []) {
      const known = state.get(target);
      if (!known) own.low = Math.min(own.low, visit(target).low);
      else if (known.onStack) own.low = Math.min(own.low, known.index);
    }
    if (own.low === own.index) {
      const component = stack.splice(stack.indexOf(node));
      for (const member of component) state.get(member).onStack = false;
      const toItself = (graph.get(node) ?? []).includes(node);
      if (component.length > 1 || toItself) cycles.push(component.sort());
    }
    return own;
  };
  for (const node of graph.keys()) if (!state.has(node)) visit(node);
  return cycles;
}
