import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** The program of nx: its place differs between versions. */
export function nxProgram() {
  const { bin } = JSON.parse(readFileSync(join(root, 'node_modules/nx/package.json'), 'utf8'));
  return join(root, 'node_modules/nx', typeof bin === 'string' ? bin : bin.nx);
}

/** Not sources: made, fetched, or none of the repository's. */
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', '.nx', '.git', '.data', '.cache']);

/** Files that no build reads. */
const NOT_BUILT = /\.spec\.tsx?$|\.md$|[\\/]test[\\/][^\\/]*$/;

/** Folders of all projects that have a project.json. */
export function projectFolders(base = root) {
  return ['libs', 'apps', 'apps/integrations']
    .map((parent) => join(base, parent))
    .filter(existsSync)
    .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)))
    .filter((folder) => existsSync(join(folder, 'project.json')));
}

/** All files below a folder, without what was made or fetched. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Changes when a build would have other inputs: by time and size, so that it costs milliseconds. */
export function fingerprint(base = root) {
  const hash = createHash('sha256');
  const shared = ['.swcrc', 'nx.json', 'package-lock.json'].map((name) => join(base, name)).filter(existsSync);
  const own = projectFolders(base)
    .flatMap((folder) => filesBelow(folder))
    .filter((file) => !NOT_BUILT.test(file));
  for (const file of [...shared, ...own].sort()) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${relative(base, file)} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}
