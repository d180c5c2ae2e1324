/** The settings in the manifests are those of the programs, and those of the programs are documented. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EDGE_SETTINGS, nodeConfig } from '../../edge/config.js';
import { configOf, SERVER_SETTINGS } from '../../server/config.js';
import { loadSettings, type Settings } from '../../shared/settings.js';
import { describeRendered, find, K8S_FOLDER, type Manifest, parseManifests, render } from './kustomize.js';
import { configMapData, environmentOf, onlyContainer, podTemplateOf } from './pod-spec.js';
import { SETTINGS_FILE, settingsMarkdown } from './settings-markdown.js';

/** Settings that no manifest has, and why. */
const NOT_IN_PODS: Record<string, string> = {
  TLS_CERT: 'TLS ends at the Ingress',
  TLS_KEY: 'TLS ends at the Ingress',
  POWER_AT: 'the component power-reading makes it of the name of the job',
};
/** Variables that are Node's, or of a manifest's own script. */
const NOT_OURS = ['NODE_OPTIONS', 'JOB_NAME'];

const bases = [
  { base: 'edge', settings: EDGE_SETTINGS as Settings },
  { base: 'server', settings: SERVER_SETTINGS as Settings },
];

async function fileOf(...parts: string[]): Promise<string> {
  return readFile(path.join(K8S_FOLDER, ...parts), 'utf8');
}

/** Each setting of a file of settings with the comment above it. */
function commented(text: string): { name: string; value: string; comment: string }[] {
  const found: { name: string; value: string; comment: string }[] = [];
  let comment = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) comment += line;
    else if (line === '') comment = '';
    else found.push({ name: line.split('=')[0] ?? '', value: line.slice(line.indexOf('=') + 1), comment });
  }
  return found;
}

/** The settings that any container of a program gets, by variable or by file. */
function settingsGiven(manifests: readonly Manifest[], workloads: readonly [string, string][]): Set<string> {
  const names = workloads.flatMap(([kind, name]) => {
    const { env = [], envFrom = [] } = onlyContainer(podTemplateOf(find(manifests, kind, name)).spec);
    const maps = envFrom.flatMap(({ configMapRef }) => Object.keys(configMapData(manifests, configMapRef?.name ?? '')));
    return [...maps, ...env.map((variable) => variable.name.replace(/_FILE$/, ''))];
  });
  return new Set(names.filter((name) => !NOT_OURS.includes(name)));
}

describe('settings', () => {
  it('are documented, every one of both programs, as the programs define them', async () => {
    const advice = 'docs/settings.md is not what node dist/test/k8s/write-settings-docs.js writes';
    expect(await readFile(SETTINGS_FILE, 'utf8'), advice).to.equal(settingsMarkdown());
    for (const { settings } of bases) {
      for (const [name, { help }] of Object.entries(settings)) expect(help.length, name).to.be.above(5);
    }
  });

  it('in the manifests each stand below a comment and are known to the program', async () => {
    for (const { base, settings } of bases) {
      for (const { name, comment } of commented(await fileOf('base', base, 'settings.env'))) {
        expect(Object.keys(settings), base).to.include(name);
        expect(comment.length, `${base}: ${name} has no comment`).to.be.above(10);
      }
    }
  });

  it('in the ConfigMaps are the defaults, unless a pod needs them otherwise', async () => {
    const otherwise = [
      'MIN_FREE_MB',
      'COUCHDB_URL',
      'REQUIRE_COUCHDB',
      'COUCHDB_COPIES',
      'TRUSTED_PROXIES',
      'LOG_FORMAT',
    ];
    for (const { base, settings } of bases) {
      for (const { name, value } of commented(await fileOf('base', base, 'settings.env'))) {
        if (!otherwise.includes(name)) expect(value, name).to.equal(settings[name]?.default ?? '');
      }
    }
  });

  it('of the templates of Secrets are those that the programs call secret', async () => {
    for (const { base, settings } of bases) {
      for (const { stringData } of parseManifests(await fileOf('base', base, 'secret.template.yaml'))) {
        for (const name of Object.keys(stringData as object)) expect(settings[name]?.secret, name).to.equal(true);
      }
    }
  });
});

describeRendered('settings in rendered manifests', () => {
  it('reach the programs, every one there is', async () => {
    const village = await render('villages/bamenda');
    const centre = await render('overlays/centre');
    const given = [
      settingsGiven(village, [
        ['StatefulSet', 'edge'],
        ['CronJob', 'edge-sync'],
      ]),
      settingsGiven(centre, [['Deployment', 'central']]),
    ];
    for (const [index, { base, settings }] of bases.entries()) {
      const wanted = Object.keys(settings).filter((name) => NOT_IN_PODS[name] === undefined);
      expect([...(given[index] ?? [])].sort(), base).to.deep.equal(wanted.sort());
    }
  });

  it('go together: the programs take them as they are in every overlay', async () => {
    const secrets = {
      'edge-secrets': { EDGE_TOKEN: 'token', CENTRAL_PASSWORD: 'password' },
      'central-secrets': { ADMIN_TOKEN: 'admin', ANALYST_TOKEN: 'analyst' },
      'couchdb-secrets': { COUCHDB_USER: 'admin', COUCHDB_PASSWORD: 'password' },
    };
    const env = (manifests: Manifest[], kind: string, name: string) => {
      const container = onlyContainer(podTemplateOf(find(manifests, kind, name)).spec);
      const variables = environmentOf(container, { manifests, secrets });
      // What the volumes hold is given directly.
      const given: Record<string, string> = { ...Object.assign({}, ...Object.values(secrets)) };
      for (const variable of Object.keys(variables).filter((one) => one.endsWith('_FILE'))) {
        const setting = variable.replace(/_FILE$/, '');
        variables[setting] = given[setting] ?? '';
        delete variables[variable];
      }
      return variables;
    };
    for (const folder of ['villages/bamenda', 'overlays/single-machine']) {
      const variables = env(await render(folder), 'StatefulSet', 'edge');
      const config = nodeConfig(loadSettings(EDGE_SETTINGS, { flags: {}, env: variables }));
      expect(config.EDGE_TOKEN, folder).to.equal('token');
      expect(config.API_URL, folder).to.be.a('string');
    }
    for (const folder of ['overlays/centre', 'overlays/single-machine']) {
      const variables = env(await render(folder), 'Deployment', 'central');
      const config = configOf(loadSettings(SERVER_SETTINGS, { flags: {}, env: variables }));
      expect(config.couch, folder).to.include({ url: 'http://couchdb:5984', user: 'admin', password: 'password' });
      expect(config, folder).to.include({ adminToken: 'admin', analystToken: 'analyst' });
    }
  });

  it('of the script that sets CouchDB up are those it reads', async () => {
    const script = await fileOf('base', 'couchdb', 'set-up-cluster.mjs');
    const read = [...script.matchAll(/\bsetting\('([A-Z_]+)'\)/g)].map(([, name]) => name);
    const given = settingsGiven(await render('overlays/centre'), [['Job', 'couchdb-set-up']]);
    expect([...given].sort()).to.deep.equal(read.sort());
  });
});
