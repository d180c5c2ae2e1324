/**
 * The scripts for sites without a network: what is packed is installed, again as often as one likes; what is damaged,
 * incomplete or for another machine is refused before anything is touched.
 */
import { createHash } from 'node:crypto';
import { appendFile, cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { useTempFolder } from '../support/temp-folder.js';
import { StandIns } from './support/stand-ins.js';

const PACK = fileURLToPath(new URL('../../../deploy/offline/pack-offline.sh', import.meta.url));
const IMAGES = ['registry.example/solar-sync/edge:1.0.0', 'busybox:1'];
const NAMESPACED = 'kind: ConfigMap\nmetadata:\n  name: edge-settings\n  namespace: solar-kano\n---\n';
const MANIFESTS =
  NAMESPACED + IMAGES.map((image) => `kind: Pod\nspec:\n  containers:\n    - image: "${image}"\n`).join('---\n');
const PLATFORM = { x64: 'linux/amd64', arm64: 'linux/arm64', arm: 'linux/arm/v7' }[os.arch()] ?? '';
const DOCKER = `
case $1 in
  image) echo "\${ARCHITECTURE:-${PLATFORM.replace('/v7', '')}}" ;;
  save) printf 'layers of %s %s' "$4" "$RELEASE$BUILD" > "$3" ;;
esac`;
const K3S = `
case "$2 $FAILING" in
  images\\ import) echo "no space left on device" >&2; exit 1 ;;
esac
case "$1 $2" in
  'ctr images') [ -s "$4" ] ;;
  'kubectl apply') [ "$FAILING" != apply ] && cat "$4" > "$log.applied" ;;
esac`;

describe('sites without a network', () => {
  const folder = useTempFolder();
  let tools: StandIns;
  let stick: string;
  let images: string;

  beforeEach(async () => {
    const kubectl = `printf '%s' '${MANIFESTS}'; printf '%s' "$SETTINGS"`;
    tools = await StandIns.create(path.join(folder.path, 'tools'), { docker: DOCKER, k3s: K3S, kubectl });
    stick = path.join(folder.path, 'stick');
    images = path.join(folder.path, 'images');
  });

  const pack = (env: Record<string, string> = {}, extra: readonly string[] = []) => {
    const release = env.RELEASE ?? '1.0.0';
    const args = ['--overlay', 'some/overlay', '--platform', PLATFORM, '--release', release, ...extra, stick];
    return tools.run(PACK, args, { RELEASE: release, ...env });
  };
  const install = (args: readonly string[] = [], env: Record<string, string> = {}) =>
    tools.run(path.join(stick, 'install-offline.sh'), args, { K3S_IMAGES_DIR: images, ...env });
  const k3sAsked = async () => (await tools.asked()).filter((line) => line.startsWith('k3s'));
  /** What a node has of every pack: nothing half done. */
  const untouched = async () => {
    expect(await k3sAsked()).to.deep.equal([]);
    expect(await readdir(images).catch(() => [])).to.deep.equal([]);
  };

  it('packs what the manifests name, and checksums of everything last', async () => {
    const { code, output } = pack({}, ['--pull']);
    expect(code, output).to.equal(0);
    expect(await readdir(stick)).to.have.members([
      ...['checksums.sha256', 'images', 'images.txt', 'install-offline.sh', 'manifests.yaml', 'VERSION'],
    ]);
    expect(await readdir(path.join(stick, 'images'))).to.have.length(IMAGES.length);
    expect(await readFile(path.join(stick, 'VERSION'), 'utf8')).to.equal(`1.0.0 ${PLATFORM}\n`);
    for (const line of (await readFile(path.join(stick, 'checksums.sha256'), 'utf8')).trim().split('\n')) {
      const [sum, file = ''] = line.split(/ +/);
      const content = await readFile(path.join(stick, file));
      expect(createHash('sha256').update(content).digest('hex'), file).to.equal(sum);
    }
    const pulled = (await tools.asked()).filter((line) => line.startsWith('docker pull'));
    expect(pulled).to.have.members(IMAGES.map((image) => `docker pull --quiet --platform ${PLATFORM} ${image}`));
  });

  it('packs no image that the node cannot run, and over no earlier pack', () => {
    const wrong = pack({ ARCHITECTURE: 'linux/s390x' });
    expect(wrong).to.include({ code: 1 });
    expect(wrong.output).to.include(`is for linux/s390x, and the node is ${PLATFORM}`);
    // What is left of it is no pack.
    expect(install().output).to.satisfy((text: string) =>
      /not complete|No such file|can't open|cannot open/i.test(text),
    );
    expect(pack()).to.include({ code: 0 });
    expect(pack().output).to.include('is there already');
    expect(tools.run(PACK, ['--overlay'])).to.include({ code: 2 });
  });

  it('packs no manifests that name no village: their node would never start', () => {
    const settingsOf = (village: string) => `---\nkind: ConfigMap\ndata:\n  VILLAGE_ID: ${village}\n  X: ""\n`;
    for (const nobody of ['""', "''", '']) {
      const { code, output } = pack({ SETTINGS: settingsOf(nobody) });
      expect(code, nobody).to.equal(1);
      expect(output).to.include('some/overlay names no village (VILLAGE_ID)');
    }
    expect(pack({ SETTINGS: settingsOf('kano') })).to.include({ code: 0 });
  });

  it('installs a pack: images imported and kept for K3s, then the manifests, and says so', async () => {
    pack();
    const { code, output } = install();
    expect(code, output).to.equal(0);
    const asked = await k3sAsked();
    expect(asked.slice(0, -1)).to.have.length(IMAGES.length);
    for (const line of asked.slice(0, -1)) expect(line).to.match(/^k3s ctr images import .*\/solar-sync-.*\.tar$/);
    expect(asked.at(-1)).to.equal('k3s kubectl apply -f manifests.yaml');
    expect(await readFile(path.join(folder.path, 'tools', 'log.applied'), 'utf8')).to.equal(MANIFESTS);
    expect((await readdir(images)).sort()).to.deep.equal((await readdir(path.join(stick, 'images'))).sort());
    for (const image of IMAGES) expect(output).to.include(`Importing ${image}`);
    expect(output).to.include('Release 1.0.0 is installed');
  });

  it('installs again without copying again, and a later release in place of an earlier one', async () => {
    pack();
    install();
    expect(install(['--dry-run']).output).to.include('which is there already');
    expect(install()).to.include({ code: 0 });
    await rm(stick, { recursive: true });
    pack({ RELEASE: '1.1.0' }, ['--image', 'registry.example/solar-sync/edge:1.1.0']);
    const { code, output } = install();
    expect(code, output).to.equal(0);
    expect(await readdir(images)).to.deep.equal(['solar-sync-registry.example-solar-sync-edge-1.1.0.tar']);
    expect(output).to.include('of an earlier release');
  });

  it('starts the pods anew for another image of the same name, also where the run before broke off', async () => {
    pack();
    install();
    await rm(stick, { recursive: true });
    // Mended and built again under the same release.
    pack({ RELEASE: '1.0.0', BUILD: 'another' });
    const restart =
      'k3s kubectl rollout restart statefulset --namespace solar-kano --selector app.kubernetes.io/part-of=solar-sync';
    expect(install([], { FAILING: 'apply' })).to.include({ code: 1 });
    expect(await k3sAsked()).to.not.include(restart);
    expect(install()).to.include({ code: 0 });
    expect((await k3sAsked()).at(-1)).to.equal(restart);
    const asked = (await k3sAsked()).length;
    expect(install()).to.include({ code: 0 });
    expect((await k3sAsked()).slice(asked)).to.not.include(restart);
  });

  it('packs no image of another release than it is called: the node would go on with the one it has', () => {
    const { code, output } = pack({ RELEASE: '1.1.0' });
    expect(code).to.equal(1);
    expect(output).to.include('registry.example/solar-sync/edge:1.0.0 is not of release 1.1.0');
  });

  it('--dry-run says what would be done and changes nothing', async () => {
    pack();
    const { code, output } = install(['--dry-run']);
    expect(code, output).to.equal(0);
    for (const image of IMAGES) expect(output).to.include(`import ${image}`);
    await untouched();
  });

  const damages: [title: string, harm: (stick: string) => Promise<void>][] = [
    ['one byte of an image is another', (at) => flipByte(at, 'images')],
    ['an image is shorter', async (at) => truncate(await firstImage(at), 5)],
    ['an image is missing', async (at) => rm(await firstImage(at))],
    ['the manifests were edited', (at) => appendFile(path.join(at, 'manifests.yaml'), '---\nkind: Secret\n')],
    ['the pack was never finished', (at) => rm(path.join(at, 'checksums.sha256'))],
    ['the checksums are cut short', (at) => truncate(path.join(at, 'checksums.sha256'), 100)],
    ['a file was added', (at) => writeFile(path.join(at, 'images', 'solar-sync-other.tar'), 'x')],
    ['the installer itself was edited', (at) => appendFile(path.join(at, 'install-offline.sh'), '\n# so\n')],
  ];
  for (const [title, harm] of damages) {
    it(`refuses a stick on which ${title}, before anything is touched`, async () => {
      pack();
      await harm(stick);
      const { code, output } = install();
      expect(code, output).to.equal(1);
      expect(output).to.include('Nothing was changed');
      await untouched();
    });
  }

  it('refuses a pack for another machine, and a disk without room', async () => {
    pack();
    const uname = await StandIns.create(path.join(folder.path, 'other'), { uname: 'echo riscv64', k3s: 'exit 0' });
    const script = path.join(stick, 'install-offline.sh');
    expect(uname.run(script, [], { K3S_IMAGES_DIR: images }).output).to.include('an unknown machine (riscv64)');
    const full = await StandIns.create(path.join(folder.path, 'full'), {
      df: 'printf "Filesystem 1024-blocks Used Available\\n/dev/x 1 1 0\\n"',
      k3s: 'exit 0',
    });
    expect(full.run(script, [], { K3S_IMAGES_DIR: images }).output).to.include('0 MB free');
    await untouched();
    // What an earlier run has brought takes no room again.
    expect(install()).to.include({ code: 0 });
    expect(full.run(script, [], { K3S_IMAGES_DIR: images })).to.include({ code: 0 });
  });

  it('a stick that is pulled out while it is copied leaves what runs as it was; putting it back in goes on', async () => {
    pack();
    const whole = path.join(folder.path, 'whole');
    await cp(stick, whole, { recursive: true });
    // The second file that is copied is gone, as are all after it.
    const pulled = await StandIns.create(path.join(folder.path, 'pulled'), {
      cp: `case $(grep -c '^cp ' "$log") in 1|2) exec /bin/cp "$@" ;; esac; rm -rf '${stick}/images'; exec /bin/cp "$@"`,
      k3s: K3S,
    });
    const script = path.join(stick, 'install-offline.sh');
    const { code, output } = pulled.run(script, [], { K3S_IMAGES_DIR: images });
    expect(code, output).to.equal(1);
    expect(output).to.include('What runs here was not changed');
    expect((await pulled.asked()).filter((line) => line.startsWith('k3s'))).to.deep.equal([]);
    expect(await readdir(images)).to.deep.equal([]);
    await cp(whole, stick, { recursive: true });
    expect(install()).to.include({ code: 0 });
  });

  it('an import or an application that fails is told, and running it again finishes', async () => {
    pack();
    const { code, output } = install([], { FAILING: 'import' });
    expect(code).to.equal(1);
    expect(output).to.include('cannot be imported. The manifests were not applied');
    expect(install([], { FAILING: 'apply' }).output).to.include('not all applied; run this again');
    expect(install()).to.include({ code: 0 });
    // Nothing is left of the runs that ended early.
    expect((await readdir(images)).every((name) => name.startsWith('solar-sync-'))).to.equal(true);
  });
});

async function firstImage(stick: string): Promise<string> {
  const [name = ''] = await readdir(path.join(stick, 'images'));
  return path.join(stick, 'images', name);
}

async function flipByte(stick: string, below: string): Promise<void> {
  const [name = ''] = await readdir(path.join(stick, below));
  const file = path.join(stick, below, name);
  const content = await readFile(file);
  content[3] = (content[3] ?? 0) ^ 1;
  await writeFile(file, content);
}
