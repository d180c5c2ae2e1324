import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { parse } from 'yaml';
import { useTempFolder } from '../support/temp-folder.js';
import { ScriptStage } from './script-run.js';

/** Fails until it was called so often, then succeeds. */
const failsTimes = (times: number) => `[ "$(grep -c '^\\["docker"' "$CALLS")" -gt ${times} ] || exit 7`;

describe('The scripts of the workflows', () => {
  const folder = useTempFolder();
  let stage: ScriptStage;
  beforeEach(() => {
    stage = new ScriptStage(folder.path);
  });

  describe('retry.sh', () => {
    it('runs a command that succeeds once, and waits for nothing', async () => {
      await stage.standIn('docker');
      await stage.standIn('sleep');
      expect((await stage.run('retry.sh', ['docker', 'push', 'a b'])).code).to.equal(0);
      expect(await stage.calls()).to.deep.equal([['docker', 'push', 'a b']]);
    });

    it('tries again after 10, 20 and 30 s, and succeeds when the last try does', async () => {
      await stage.standIn('docker', failsTimes(3));
      await stage.standIn('sleep');
      expect((await stage.run('retry.sh', ['docker', 'push'])).code).to.equal(0);
      const push = ['docker', 'push'];
      const waits = [['sleep', '10'], push, ['sleep', '20'], push, ['sleep', '30'], push];
      expect(await stage.calls()).to.deep.equal([push, ...waits]);
    });

    it('gives up with the exit code of the command', async () => {
      await stage.standIn('docker', 'exit 7');
      await stage.standIn('sleep');
      const { code, stderr } = await stage.run('retry.sh', ['docker', 'push']);
      expect(code).to.equal(7);
      expect(stderr).to.contain('given up after 4 tries; exit code 7');
    });

    it('is told how long to wait by RETRY_WAITS_S', async () => {
      await stage.standIn('docker', 'exit 1');
      await stage.standIn('sleep');
      await stage.run('retry.sh', ['docker'], { RETRY_WAITS_S: '1' });
      expect(await stage.calls()).to.deep.equal([['docker'], ['sleep', '1'], ['docker']]);
    });

    it('says what is missing without a command', async () => {
      expect((await stage.run('retry.sh', [])).code).to.equal(2);
    });
  });

  describe('build-image.sh', () => {
    it('builds for all platforms and pushes nothing without --push', async () => {
      await stage.standIn('docker');
      expect((await stage.run('build-image.sh', ['edge', 'example/edge', 'trial'])).code).to.equal(0);
      const [call = [], ...more] = await stage.calls();
      expect(more).to.deep.equal([]);
      expect(call.join(' ')).to.contain('--platform linux/amd64,linux/arm64,linux/arm/v7 --file Dockerfile.edge');
      expect(call.join(' ')).to.contain('--cache-from type=registry,ref=example/edge:buildcache');
      expect(call).to.include('type=cacheonly').and.not.include('--push');
    });

    it('pushes with every tag, keeps the layers, and tries again', async () => {
      await stage.standIn('docker', failsTimes(1));
      await stage.standIn('sleep');
      const { code } = await stage.run(
        'build-image.sh',
        ['server', 'example/server', '--push', '--attest', 'a1', 'main'],
        {
          METADATA_FILE: 'made.json',
        },
      );
      expect(code).to.equal(0);
      const [first = [], wait, second] = await stage.calls();
      expect(wait).to.deep.equal(['sleep', '10']);
      expect(second).to.deep.equal(first);
      expect(first.join(' '))
        .to.contain('--tag example/server:a1 --tag example/server:main')
        .and.contain('--cache-to type=registry,ref=example/server:buildcache,mode=max --push')
        .and.contain('--sbom=true --provenance=mode=max')
        .and.contain('--metadata-file made.json');
    });

    it('labels an image with its version, its commit and the commit’s time', async () => {
      await stage.standIn('docker');
      await stage.standIn('git', 'echo 2026-03-01T12:00:00Z');
      const env = { IMAGE_VERSION: '1.2.0', GITHUB_SHA: '4f2c1d0' };
      expect((await stage.run('build-image.sh', ['edge', 'example/edge', 'trial'], env)).code).to.equal(0);
      const [, docker = []] = await stage.calls();
      const given = docker.filter((_, index) => docker[index - 1] === '--build-arg');
      expect(given).to.deep.equal(['VERSION=1.2.0', 'REVISION=4f2c1d0', 'CREATED=2026-03-01T12:00:00Z']);
    });

    it('refuses another program, an unknown flag, and no tag', async () => {
      await stage.standIn('docker');
      for (const args of [['gateway', 'x', 't'], ['edge', 'x', '--pull', 't'], ['edge', 'x'], ['edge']]) {
        expect((await stage.run('build-image.sh', args)).code, args.join(' ')).to.equal(2);
      }
      expect(await stage.calls()).to.deep.equal([]);
    });
  });

  describe('deploy.sh', () => {
    /** An overlay that has its own images from a registry of its own, and one image of others. */
    const images = ['registry.example:5000/solar-sync/edge:0.1.0', 'solar-sync/central', 'couchdb:3.5.0'];
    const rendered = `kustomize) printf '  - image: %s\\n' ${images.join(' ')} ;;`;
    const there = ['Deployment centre central', 'Service centre central', 'StatefulSet centre couchdb'];
    const inCluster = `get) printf '%s\\n' ${there.map((line) => `'${line}'`).join(' ')} ;;`;

    beforeEach(async () => {
      await mkdir(path.join(folder.path, 'overlays/centre'), { recursive: true });
      await writeFile(path.join(folder.path, 'overlays/centre/kustomization.yaml'), 'resources: []\n');
    });

    it('applies the overlay with the version’s images and waits for each workload', async () => {
      const shown = 'apply) cat "$3/kustomization.yaml" ;;';
      await stage.standIn('kubectl', `case "$1" in ${rendered} ${inCluster} ${shown} esac`);
      const { code, stdout } = await stage.run('deploy.sh', ['overlays/centre', 'ghcr.io/example', '4f2c1d0']);
      expect(code).to.equal(0);
      const applied = parse(stdout.slice(stdout.indexOf('apiVersion'))) as Record<string, unknown>;
      expect(applied).to.deep.include({ kind: 'Kustomization', resources: ['../centre'] });
      expect(applied.images).to.deep.equal([
        { name: 'registry.example:5000/solar-sync/edge', newName: 'ghcr.io/example/edge', newTag: '4f2c1d0' },
        { name: 'solar-sync/central', newName: 'ghcr.io/example/central', newTag: '4f2c1d0' },
      ]);
      const rollouts = (await stage.calls()).filter((call) => call[1] === 'rollout');
      expect(rollouts.map((call) => call.slice(2, 6).join(' '))).to.deep.equal([
        'status Deployment/central --namespace centre',
        'status StatefulSet/couchdb --namespace centre',
      ]);
      expect(await readdir(path.join(folder.path, 'overlays'))).to.deep.equal(['centre']);
    });

    it('makes a job of an earlier version anew: the image of one that is there cannot be changed', async () => {
      const job = `get) echo 'Job centre couchdb-set-up' ;;`;
      await stage.standIn('kubectl', `case "$1" in ${rendered} ${job} esac`);
      expect((await stage.run('deploy.sh', ['overlays/centre', 'r', 't'])).code).to.equal(0);
      const verbs = (await stage.calls()).map((call) => call.slice(1, 4).join(' '));
      expect(
        verbs.filter((verb) => /^(apply|delete)/.test(verb)).map((verb) => verb.split(' ').slice(0, 2)),
      ).to.deep.equal([
        ['delete', 'job'],
        ['apply', '-k'],
      ]);
    });

    it('fails when a workload does not come up, and leaves no folder behind', async () => {
      await stage.standIn('kubectl', `case "$1" in ${rendered} ${inCluster} rollout) exit 1 ;; esac`);
      expect((await stage.run('deploy.sh', ['overlays/centre', 'r', 't'])).code).to.equal(1);
      expect(await readdir(path.join(folder.path, 'overlays'))).to.deep.equal(['centre']);
    });

    it('applies nothing of an overlay without an image of ours, and nothing of one that is not there', async () => {
      await stage.standIn('kubectl', `case "$1" in kustomize) echo 'image: couchdb:3.5.0' ;; esac`);
      expect((await stage.run('deploy.sh', ['overlays/centre', 'r', 't'])).code).to.equal(2);
      expect((await stage.run('deploy.sh', ['overlays/none', 'r', 't'])).code).to.equal(2);
      expect((await stage.calls()).map((call) => call[1])).to.deep.equal(['kustomize']);
    });
  });

  describe('wait-for-checks.sh', () => {
    const check = (...workflows: string[]) =>
      stage.run('wait-for-checks.sh', ['4f2c1d0', ...workflows], { CHECKS_TIMEOUT_S: '60' });
    /** What `gh` answers to each question in turn; the last one for ever. */
    const answers = (...texts: string[]) => {
      const cases = texts.map((text, index) => `${index + 1}) ${text} ;;`).join(' ');
      return stage.standIn('gh', `case "$(grep -c '^\\["gh"' "$CALLS")" in ${cases} *) ${texts.at(-1)} ;; esac`);
    };

    it('waits for each workflow of that commit, and succeeds when all have', async () => {
      await answers('true', 'exit 1', 'echo success');
      await stage.standIn('sleep');
      const { code, stderr } = await check('build.yml', 'test.yml');
      expect(code, stderr).to.equal(0);
      const calls = await stage.calls();
      expect(calls.map(([name]) => name)).to.deep.equal(['gh', 'sleep', 'gh', 'sleep', 'gh', 'gh']);
      expect(calls[0]?.join(' ')).to.contain('--commit 4f2c1d0 --workflow build.yml --event push');
      expect(calls[5]?.join(' ')).to.contain('--workflow test.yml');
    });

    for (const conclusion of ['failure', 'cancelled']) {
      it(`fails at once when one of them ended with ${conclusion}`, async () => {
        await answers('echo success', `echo ${conclusion}`);
        await stage.standIn('sleep');
        const { code, stderr } = await check('build.yml', 'test.yml');
        expect(code).to.equal(1);
        expect(stderr).to.contain(`test.yml ended with ${conclusion} for 4f2c1d0`);
      });
    }

    it('fails when its time is over', async () => {
      await answers('true');
      const env = { CHECKS_TIMEOUT_S: '1', CHECKS_PAUSE_S: '0.2' };
      const { code, stderr } = await stage.run('wait-for-checks.sh', ['4f2c1d0', 'test.yml'], env);
      expect(code).to.equal(1);
      expect(stderr).to.contain('test.yml has not ended for 4f2c1d0 in time');
    });

    it('says what is missing without a workflow', async () => {
      expect((await check()).code).to.equal(2);
    });
  });

  describe('notify.sh', () => {
    const NOTIFY_WEBHOOK = 'https://chat.example/hooks/secret-part';

    it('sends the text as JSON, and the address neither as an argument nor into the log', async () => {
      await stage.standIn('curl', 'cat >address');
      const { code, stdout, stderr } = await stage.run('notify.sh', ['a "b"\nc'], { NOTIFY_WEBHOOK });
      expect(code).to.equal(0);
      const [call = []] = await stage.calls();
      expect(call[call.indexOf('--data-raw') + 1]).to.equal('{"text":"a \\"b\\"\\nc"}');
      expect(`${call.join(' ')}${stdout}${stderr}`).to.not.contain('secret-part');
    });

    it('fails when the chat does not take it', async () => {
      await stage.standIn('curl', 'exit 22');
      expect((await stage.run('notify.sh', ['x'], { NOTIFY_WEBHOOK })).code).to.equal(22);
    });

    it('does nothing without an address, and says so', async () => {
      await stage.standIn('curl');
      const { code, stdout } = await stage.run('notify.sh', ['x']);
      expect(code).to.equal(0);
      expect(stdout).to.contain('NOTIFY_WEBHOOK is not set');
      expect(await stage.calls()).to.deep.equal([]);
    });
  });

  describe('release-notes.sh', () => {
    const CHANGELOG =
      '# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.0] - 2026-03-01\n\n- one\n\n## [1.1.0]\n\n- two\n';

    it('prints what the changelog says of a version, and nothing of others', async () => {
      await writeFile(path.join(folder.path, 'CHANGELOG.md'), CHANGELOG);
      const { code, stdout } = await stage.run('release-notes.sh', ['1.2.0']);
      expect(code).to.equal(0);
      expect(stdout).to.contain('- one').and.not.contain('- two').and.not.contain('- later');
    });

    it('fails for a version nothing is said of', async () => {
      await writeFile(path.join(folder.path, 'CHANGELOG.md'), CHANGELOG);
      expect((await stage.run('release-notes.sh', ['1.3.0'])).code).to.equal(1);
    });
  });
});
