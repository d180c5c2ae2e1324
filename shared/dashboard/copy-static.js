/** Puts the pages' files that need no compiling beside those that did; run by the build. */
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
for (const [own, built] of [
  ['../../edge/dashboard/static', '../../dist/edge/browser'],
  ['../../server/dashboard/page/static', '../../dist/server/browser'],
]) {
  for (const folder of ['static', own]) cpSync(at(folder), at(built), { recursive: true });
}
