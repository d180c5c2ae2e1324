/** The product's version, the time it was built and where it lies, of the package the running file belongs to. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFile = findPackageFile(path.dirname(fileURLToPath(import.meta.url)));

/** The folder that holds package.json and `dist`. */
export const packageFolder: string = path.dirname(packageFile);

/** Semantic version from package.json. */
export const version: string = String(JSON.parse(readFileSync(packageFile, 'utf8')).version);

/**
 * Milliseconds since 1970 when this build was made, as far as the files tell. A clock that shows an earlier time is
 * wrong: the program cannot run before it was built.
 */
export function buildTimeMs(): number {
  return statSync(fileURLToPath(import.meta.url)).mtimeMs;
}

function findPackageFile(folder: string): string {
  const candidate = path.join(folder, 'package.json');
  if (existsSync(candidate)) return candidate;
  const parent = path.dirname(folder);
  if (parent === folder) throw new Error('package.json of solar-sync was not found above the running program');
  return findPackageFile(parent);
}
