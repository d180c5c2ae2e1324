/** The shell scripts have no fault that ShellCheck knows of. */
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe } from 'mocha';
import { itWhere } from './support/it-where.js';

const FOLDER = fileURLToPath(new URL('../../../deploy/', import.meta.url));

describe('the scripts in deploy/', () => {
  const missing = spawnSync('shellcheck', ['--version']).error ? 'shellcheck is not installed' : undefined;
  itWhere(missing, 'have no fault that ShellCheck knows of', async () => {
    const files = (await readdir(FOLDER, { recursive: true })).filter((name) => name.endsWith('.sh'));
    expect(files).to.have.length.above(2);
    const { stdout, status } = spawnSync(
      'shellcheck',
      files.map((name) => path.join(FOLDER, name)),
      { encoding: 'utf8' },
    );
    expect(stdout).to.equal('');
    expect(status).to.equal(0);
  });
});
