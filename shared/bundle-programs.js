/**
 * Makes one file of each program and all it loads, with those it loads later beside it; run by the build after compiling.
 * To find, read and compile some eight hundred modules one by one is most of what a start takes (ADR 29).
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

for (const program of ['edge', 'server']) {
  const folder = at(`../dist/${program}/program`);
  rmSync(folder, { recursive: true, force: true });
  await build({
    entryPoints: [at(`../dist/${program}/cli/main.js`)],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    // Finds its compiled part from where it lies.
    external: ['leveldown'],
    // For packages that load one another by require.
    banner: {
      js: "import { createRequire as toRequire } from 'node:module'; const require = toRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
