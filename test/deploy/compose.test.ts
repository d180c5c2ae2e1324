/** `compose.yaml`: what it names is there, what it runs works, and its services wait for each other. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { parse } from 'yaml';
import { EDGE_SETTINGS } from '../../edge/config.js';
import { SERVER_SETTINGS } from '../../server/config.js';
import type { SimulatedCentre } from '../../sim/centre.js';
import { METER_SETTINGS } from '../../sim/meter-settings.js';
import { baseEnvironment } from '../../sim/processes.js';
import { couchdbFetch, describeWithCouchDb } from '../support/couchdb.js';
import { centreProgram } from '../support/programs.js';
import { useTempFolder } from '../support/temp-folder.js';
import { readDockerfile, type Stage } from './support/dockerfile.js';
import { itWhere } from './support/it-where.js';

const ROOT = new URL('../../../', import.meta.url);
const SECRETS = { COUCHDB_PASSWORD: 'a', ADMIN_TOKEN: 'b', ANALYST_TOKEN: 'c', EDGE_TOKEN: 'd' };
const SETTINGS: Record<string, Record<string, unknown>> = {
  'solar-sync/edge': EDGE_SETTINGS,
  'solar-sync/central': SERVER_SETTINGS,
  'solar-sync/meters': METER_SETTINGS,
};

interface Service {
  image: string;
  build?: { context: string; dockerfile: string; target?: string };
  environment?: Record<string, string>;
  entrypoint?: string[];
  command?: string[];
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
  read_only?: boolean;
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, null>;
}

describe('compose.yaml', () => {
  const compose = async (): Promise<Compose> =>
    parse(await readFile(new URL('compose.yaml', ROOT), 'utf8'), { merge: true }) as Compose;
  let centre: SimulatedCentre | undefined;
  afterEach(async () => {
    await centre?.stop();
    centre = undefined;
  });
  const folder = useTempFolder();

  const validator = [['docker', 'compose'], ['docker-compose']].find(
    ([program = '', ...args]) => spawnSync(program, [...args, 'version']).status === 0,
  );
  const missing = validator ? undefined : 'there is no docker compose';
  itWhere(missing, 'is valid where its secrets are given, and says which one is not', async () => {
    // Not the .env of whoever runs the tests.
    const noEnv = path.join(folder.path, 'env');
    await writeFile(noEnv, '');
    const [program = '', ...args] = validator ?? [];
    const check = (env: Record<string, string>) =>
      spawnSync(program, [...args, '--env-file', noEnv, '-f', 'compose.yaml', 'config', '-q'], {
        ...{ cwd: fileURLToPath(ROOT), env: { ...baseEnvironment(), ...env }, encoding: 'utf8' },
      });
    expect(check(SECRETS)).to.include({ status: 0, stderr: '' });
    const without = check({ ...SECRETS, EDGE_TOKEN: '' });
    expect(without.status).to.not.equal(0);
    expect(without.stderr).to.include('EDGE_TOKEN');
  });

  it('sets only what the programs have as settings, and no secret', async () => {
    for (const [name, { image, environment = {} }] of Object.entries((await compose()).services)) {
      for (const [setting, value] of Object.entries(environment)) {
        const known = SETTINGS[image];
        if (known) expect(setting.replace(/_FILE$/, ''), `${name}: ${setting}`).to.be.oneOf(Object.keys(known));
        if (/PASSWORD$|TOKEN$/.test(setting)) expect(value, `${name}: ${setting}`).to.match(/^\$\{\w+:\?/);
      }
    }
  });

  it('hands no secret to a program as an argument, where a list of processes shows it', async () => {
    for (const [name, { command = [] }] of Object.entries((await compose()).services)) {
      // What the shell itself says is no process.
      for (const line of command
        .join('\n')
        .replace(/^.*\becho .*\|$/gm, '')
        .split('\n')) {
        expect(line, name).to.not.match(/\$\$?\{?\w*(PASSWORD|TOKEN)/);
      }
    }
  });

  it('has volumes where the images have theirs, and ports the programs listen on', async () => {
    const { services, volumes } = await compose();
    for (const [name, service] of Object.entries(services)) {
      const stage = stageFor(service);
      if (!stage) continue;
      expect(service.read_only, name).to.equal(true);
      for (const mounted of service.volumes ?? []) {
        const [volume = '', place, mode] = mounted.split(':');
        expect(volumes).to.have.property(volume);
        if (mode !== 'ro') expect(stage.volumes, `${name}: ${mounted}`).to.include(place);
      }
      for (const port of service.ports ?? []) {
        const [host, , inside] = port.split(':');
        expect(host, port).to.equal('127.0.0.1');
        expect([stage.env.EDGE_PORT, stage.env.CENTRAL_PORT], port).to.include(inside);
      }
    }
  });

  it('starts each service after what it needs, in a state that can come true', async () => {
    const { services } = await compose();
    for (const [name, service] of Object.entries(services)) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        const other = services[needed];
        if (!other) throw new Error(`${name} waits for ${needed}, which does not exist`);
        const hasCheck = other.healthcheck !== undefined || stageFor(other)?.healthcheck !== undefined;
        if (condition === 'service_healthy') expect(hasCheck, `${name} → ${needed}`).to.equal(true);
        else expect(other.entrypoint?.[0], `${name} → ${needed}`).to.equal('/bin/sh');
      }
      for (const [, url] of Object.entries(service.environment ?? {}).filter(([key]) => /_(URL|ORIGIN)$/.test(key))) {
        expect(Object.keys(services), `${name}: ${url}`).to.include(new URL(url).hostname);
      }
    }
  });

  it('gives every node its password once, and again when the first was lost on its way', async function () {
    this.timeout(120_000);
    const { services } = await compose();
    const { entrypoint = [], command = [], image } = services.credentials ?? {};
    expect(image).to.equal('solar-sync/central');
    centre = await centreProgram(path.join(folder.path, 'central'));
    await centre.start();
    const data = path.join(folder.path, 'data');
    await mkdir(data);
    await symlink(fileURLToPath(new URL('dist', ROOT)), path.join(folder.path, 'dist'));
    const { port, adminToken } = centre;
    const env = { CENTRAL_HOST: '127.0.0.1', CENTRAL_PORT: String(port), ADMIN_TOKEN: adminToken };
    const enrol = () => {
      const [shell = '', ...flags] = entrypoint;
      const script = (command[0] ?? '').replaceAll('$$', '$').replaceAll('/data/', `${data}/`);
      return promisify(execFile)(shell, [...flags, script], {
        cwd: folder.path,
        env: { ...baseEnvironment(), ...env },
      });
    };
    await enrol();
    const first = await passwords(data);
    const nodes = Object.values(services).filter((one) => one.image === 'solar-sync/edge');
    const wanted = nodes.map(({ environment = {} }) => path.basename(environment.CENTRAL_PASSWORD_FILE ?? ''));
    expect(Object.keys(first)).to.have.members(wanted);
    await enrol();
    expect(await passwords(data)).to.deep.equal(first);
    await promisify(execFile)('rm', [path.join(data, 'kitui')]);
    await enrol();
    const second = await passwords(data);
    expect(second.bamenda).to.equal(first.bamenda);
    for (const [village, password] of Object.entries(second)) {
      const login = Buffer.from(`${village}:${password}`).toString('base64');
      const answer = await fetch(`${centre.url}/telemetry`, { headers: { Authorization: `Basic ${login}` } });
      expect(answer.status, village).to.equal(200);
    }
  });

  describeWithCouchDb('before a CouchDB', (couchdb) => {
    it('makes sure of the databases that every CouchDB has, and of nothing when they are there', async () => {
      const { entrypoint = [], command = [] } = (await compose()).services['couchdb-setup'] ?? {};
      const [shell = '', ...flags] = entrypoint;
      const script = (command[0] ?? '').replaceAll('$$', '$').replaceAll('solar:', `${couchdb.user}:`);
      const env = { ...baseEnvironment(), COUCHDB_ORIGIN: couchdb.url, COUCHDB_PASSWORD: couchdb.password };
      await promisify(execFile)(shell, [...flags, script], { env });
      expect((await couchdbFetch(couchdb, '/_users')).status).to.equal(200);
      const wrong = { ...env, COUCHDB_PASSWORD: 'wrong' };
      const failure = await promisify(execFile)(shell, [...flags, script], { env: wrong }).catch((error) => error);
      expect(failure).to.include({ code: 1, stderr: 'CouchDB answered 401 for _users\n' });
    });
  });
});

/** The stage a service is built from; undefined for images of others. */
function stageFor({ build }: Service): Stage | undefined {
  if (!build) return undefined;
  const stages = readDockerfile(new URL(build.dockerfile, ROOT), { TARGETARCH: 'amd64' });
  return build.target === undefined ? stages.at(-1) : stages.find(({ name }) => name === build.target);
}

/** By village; nobody but the owner may read them. */
async function passwords(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    expect((await stat(file)).mode & 0o077, name).to.equal(0);
    found[name] = (await readFile(file, 'utf8')).trim();
  }
  return found;
}
