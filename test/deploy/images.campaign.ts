/**
 * The images: what their Dockerfiles copy is enough, is small, and runs with their command, environment, user, health check
 * and signal, on a file system of which only the volumes can be written.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { access, cp, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { validate } from 'dockerfile-utils';
import { after, afterEach, before, describe, it } from 'mocha';
import { EDGE_SETTINGS } from '../../edge/config.js';
import { SERVER_SETTINGS } from '../../server/config.js';
import { selfSigned } from '../faults/self-signed.js';
import { FakeCouch } from '../server/support/fake-couch.js';
import { freePort } from '../support/free-port.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { readDockerfile, type Stage } from './support/dockerfile.js';
import { folderMb, makeReadOnly, makeStage } from './support/image-folder.js';
import { ImageProcess } from './support/image-process.js';

const ROOT = new URL('../../../', import.meta.url);
const FILES = { edge: new URL('Dockerfile.edge', ROOT), central: new URL('Dockerfile.server', ROOT) } as const;
const ARGS = { TARGETARCH: 'amd64', VERSION: '1.2.3', REVISION: 'abc', CREATED: '2026-01-01T00:00:00Z' };
const MAX_MB = 40;
const STOP_WITHIN_MS = 10_000;
const BINDINGS = {
  amd64: 'linux-x64/node.napi.glibc.node',
  arm64: 'linux-arm64/node.napi.armv8.node',
  arm: 'linux-arm/node.napi.armv7.node',
} as const;

describe('the images', function () {
  // The project is compiled and its packages are copied first, once for each image.
  this.timeout(480_000);
  const stages = { edge: readDockerfile(FILES.edge, ARGS), central: readDockerfile(FILES.central, ARGS) };
  const edge = stageOf(stages.edge, 'edge');
  const meters = stageOf(stages.edge, 'meters');
  const central = stageOf(stages.central, 'central');
  const roots = { edge: '', meters: '', central: '' };
  let folder: string;
  const running: ImageProcess[] = [];
  let couch: FakeCouch | undefined;

  before(async () => {
    folder = await createTempFolder();
    roots.edge = await makeStage(stages.edge, 'edge', folder);
    roots.meters = await makeStage(stages.edge, 'meters', folder);
    // Both are compiled and thinned out in the same way: the builder does that once.
    for (const shared of ['build', 'modules']) {
      expect(stageOf(stages.central, shared).steps).to.deep.equal(stageOf(stages.edge, shared).steps);
    }
    roots.central = await makeStage(stages.central, 'central', folder);
    for (const stage of [edge, meters, central]) await makeReadOnly(path.join(folder, stage.name), stage.volumes);
  });
  after(async () => {
    execFileSync('chmod', ['-R', 'u+w', folder]);
    await removeFolder(folder);
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.kill();
    await couch?.stop();
    couch = undefined;
  });

  const run = (...given: ConstructorParameters<typeof ImageProcess>): ImageProcess => {
    const process = new ImageProcess(...given);
    running.push(process);
    return process;
  };

  it('are built from Dockerfiles without a fault', () => {
    for (const file of Object.values(FILES)) expect(validate(readFileSync(file, 'utf8'))).to.deep.equal([]);
  });

  for (const [name, stage] of [
    ['edge', edge],
    ['central', central],
  ] as const) {
    it(`${name}: adds less than ${MAX_MB} MB to its base`, () => {
      const mb = folderMb(roots[name]);
      expect(mb).to.be.within(5, MAX_MB);
    });

    it(`${name}: is a user with a number, not root, on Debian's slim Node, with its data in a volume`, () => {
      const user = /^([1-9]\d*):([1-9]\d*)$/.exec(stage.user ?? '');
      expect(user, stage.user).to.not.equal(null);
      expect(stage.base).to.equal('node-amd64');
      for (const [arch, base] of [
        ['amd64', 'NODE_24'],
        ['arm64', 'NODE_24'],
        ['arm', 'NODE_22'],
      ] as const) {
        const version = base.slice(-2);
        const [found] = stages[name === 'edge' ? 'edge' : 'central'].filter((one) => one.name === `node-${arch}`);
        expect(found?.base, arch).to.equal(`node:${version}-bookworm-slim`);
      }
      expect(stage.volumes).to.deep.equal(['/data']);
      expect(stage.labels['org.opencontainers.image.version']).to.equal('1.2.3');
      expect(stage.labels['org.opencontainers.image.revision']).to.equal('abc');
    });

    it(`${name}: names settings that the program has`, () => {
      const known = name === 'edge' ? EDGE_SETTINGS : SERVER_SETTINGS;
      const named = Object.keys(stage.env).filter((one) => one !== 'NODE_ENV' && one !== 'MALLOC_ARENA_MAX');
      expect(Object.keys(known)).to.include.members(named);
    });

    it(`${name}: the last stage only copies, so that no platform is emulated`, () => {
      expect(stage.steps.filter(({ kind }) => kind === 'run')).to.deep.equal([]);
    });

    it(`${name}: has neither tests nor maps nor a compiler's files`, () => {
      const found = execFileSync(
        'find',
        [roots[name], '-name', '*.map', '-o', '-name', '*.ts', '-o', '-name', '*.cc', '-o', '-name', 'test'],
        {
          encoding: 'utf8',
        },
      );
      expect(found).to.equal('');
    });
  }

  it('edge: runs, is found healthy, stores in its volume alone, and ends with 0 on its signal', async () => {
    const port = await freePort();
    const env = { VILLAGE_ID: 'kano', EDGE_TOKEN: 'token', EDGE_PORT: String(port), MIN_FREE_MB: '0' };
    const node = run(edge, roots.edge, env);
    await node.becomesHealthy();
    const authorized = { Authorization: 'Bearer token' };
    const answer = await fetch(`http://127.0.0.1:${port}/v1/readings`, {
      method: 'POST',
      headers: { ...authorized, 'Content-Type': 'application/json' },
      body: JSON.stringify({ device: 'm1', powerW: 1 }),
    });
    expect(answer.status).to.equal(201);
    // What is loaded only when it is asked for must be there as well.
    for (const page of ['/openapi.json', '/v1/stats', '/']) {
      const { status } = await fetch(`http://127.0.0.1:${port}${page}`, { headers: authorized });
      expect(status, page).to.equal(200);
    }
    const verb = run(edge, roots.edge, { ...env, EDGE_HOST: '127.0.0.1' }, ['status', '--json']);
    expect(JSON.parse((await verb.ended).output)).to.include({ village: 'kano' });
    const ended = await node.stop();
    expect(ended, ended.output).to.include({ code: 0, signal: null });
    expect(ended.tookMs).to.be.below(STOP_WITHIN_MS);
    expect(await node.checkHealth()).to.equal(1);
    expect(await readdir(path.join(roots.edge, 'data'))).to.include('segments');
  });

  it('edge: refuses to be reached by others without a token', async () => {
    const { code, output } = await run(edge, roots.edge, { VILLAGE_ID: 'kano' }).ended;
    expect(code, output).to.equal(2);
    expect(output).to.include('EDGE_TOKEN');
  });

  it('central: runs before a CouchDB, is found healthy, and ends with 0 on its signal', async () => {
    couch = await FakeCouch.start();
    const port = await freePort();
    const centre = run(central, roots.central, { COUCHDB_URL: couch.url, CENTRAL_PORT: String(port) });
    await centre.becomesHealthy();
    expect((await fetch(`http://127.0.0.1:${port}/openapi.json`)).status).to.equal(200);
    // The tokens it made are its user's alone.
    const { mode } = await stat(path.join(roots.central, 'data', 'admin-token'));
    expect(mode & 0o077).to.equal(0);
    const ended = await centre.stop();
    expect(ended, ended.output).to.include({ code: 0, signal: null });
    expect(ended.tookMs).to.be.below(STOP_WITHIN_MS);
  });

  it('central: is found healthy with a certificate of its own', async () => {
    couch = await FakeCouch.start();
    const pair = selfSigned('localhost');
    const files = { TLS_CERT: path.join(folder, 'cert.pem'), TLS_KEY: path.join(folder, 'key.pem') };
    await writeFile(files.TLS_CERT, pair.cert, { mode: 0o644 });
    await writeFile(files.TLS_KEY, pair.key, { mode: 0o644 });
    const env = { COUCHDB_URL: couch.url, CENTRAL_PORT: String(await freePort()), ...files };
    await run(central, roots.central, env).becomesHealthy();
  });

  it('central: is found unhealthy while CouchDB does not answer, and does not start without one', async () => {
    const port = String(await freePort());
    const away = `http://127.0.0.1:${await freePort()}`;
    const centre = run(central, roots.central, { COUCHDB_URL: away, CENTRAL_PORT: port });
    const isListening = () => centre.output.includes('the centre listens');
    await waitFor(isListening, { what: 'the centre to listen', timeoutMs: 30_000 });
    expect(await centre.checkHealth()).to.equal(1);
    await centre.stop();
    const { code, output } = await run(central, roots.central, { CENTRAL_PORT: port }).ended;
    expect(code).to.equal(2);
    expect(output).to.include('COUCHDB_URL');
  });

  it('meters: begin, and end with 0 on their signal', async () => {
    const port = await freePort();
    const env = { NODE_URL: `http://127.0.0.1:${port}`, EDGE_TOKEN: 'token' };
    const posting = run(meters, roots.meters, env);
    await waitFor(() => posting.output.includes('meters'), { what: 'the meters to begin', timeoutMs: 30_000 });
    expect(await posting.stop()).to.include({ code: 0, signal: null });
  });

  for (const [arch, binding] of Object.entries(BINDINGS)) {
    it(`hold the LevelDB binding of ${arch} and no other`, async () => {
      const modules = path.join(folder, `modules-${arch}`);
      const [slim] = stageOf(stages.edge, 'modules').steps.flatMap((step) =>
        step.kind === 'copy' ? step.sources.filter((source) => source.endsWith('.sh')) : [],
      );
      const level = fileURLToPath(new URL('node_modules/leveldown', ROOT));
      await cp(level, path.join(modules, 'leveldown'), { recursive: true });
      execFileSync(fileURLToPath(new URL(slim ?? '', ROOT)), [modules, arch]);
      const prebuilds = path.join(modules, 'leveldown', 'prebuilds');
      await access(path.join(prebuilds, binding));
      expect(await readdir(prebuilds, { recursive: true })).to.have.members([path.dirname(binding), binding]);
    });
  }
});

function stageOf(stages: readonly Stage[], name: string): Stage {
  const stage = stages.find((one) => one.name === name);
  if (!stage) throw new Error(`there is no stage ${name}`);
  return stage;
}
