import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { useTempFolder } from '../support/temp-folder.js';
import { ROOT, ScriptStage } from './script-run.js';

/** `kubectl kustomize` is the real one; the cluster takes whatever it is given. */
const CLUSTER = `case "$1" in
  kustomize) exec "$KUBECTL" "$@" ;;
  apply) "$KUBECTL" kustomize "$3" | grep 'image:' ;;
esac`;

describe('Deploying this repository’s overlays', () => {
  const folder = useTempFolder();
  let stage: ScriptStage;
  let kubectl = '';

  beforeEach(async function () {
    kubectl = spawnSync('sh', ['-c', 'command -v kubectl'], { encoding: 'utf8' }).stdout.trim();
    if (kubectl === '' || !existsSync(path.join(ROOT, 'k8s/overlays'))) {
      process.stderr.write('  skipped: there is no kubectl here, or there are no overlays\n');
      this.skip();
    }
    stage = new ScriptStage(folder.path);
    await cp(path.join(ROOT, 'k8s'), path.join(folder.path, 'k8s'), { recursive: true });
    await stage.standIn('kubectl', CLUSTER);
  });

  it('gives every image of ours the registry and the tag, in every overlay and village', async function () {
    this.timeout(60_000);
    for (const kind of ['k8s/overlays', 'k8s/villages']) {
      for (const name of await readdir(path.join(folder.path, kind))) {
        const overlay = `${kind}/${name}`;
        const { code, stdout, stderr } = await stage.run('deploy.sh', [overlay, 'ghcr.io/example', '4f2c1d0'], {
          KUBECTL: kubectl,
        });
        expect(code, `${overlay}: ${stderr}`).to.equal(0);
        const images = [...stdout.matchAll(/image: (\S+)/g)].map(([, image = '']) => image);
        const ours = images.filter((image) => /\/(edge|central):/.test(image));
        expect(ours, overlay).to.have.length.above(0);
        for (const image of ours) expect(image).to.match(/^ghcr\.io\/example\/(edge|central):4f2c1d0$/);
        expect(stdout, overlay).to.not.contain('solar-sync/');
      }
    }
  });
});
