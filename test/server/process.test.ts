/** The program itself: its verbs, its signals, and what it says when it cannot run. */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { basic, json } from './support/centre.js';
import { readings } from './support/documents.js';
import { CentreProcess, runCentral } from './support/process.js';
import { createPlace, type Place, SKIPPED_COUCHDB, STORES } from './support/stores.js';

describe('solar-central as a process', function () {
  this.timeout(120_000);
  let folder: string;
  const running: CentreProcess[] = [];

  const start = (env: Record<string, string> = {}) => {
    const started = new CentreProcess(['start'], { CENTRAL_PORT: '0', DATA_PATH: folder, ...env });
    running.push(started);
    return started;
  };

  beforeEach(async () => {
    folder = await createTempFolder();
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.kill('SIGKILL');
    await removeFolder(folder);
  });

  it('serves its verbs: add, list, rotate, disable, status', async () => {
    const url = await start().url();
    const verb = (...args: string[]) => runCentral([...args, '--central', url], { DATA_PATH: folder });
    const added = await verb('village', 'add', 'Kano', '--lat', '12', '--lon', '-8.5', '--json');
    expect(added).to.include({ code: 0, stderr: '' });
    const { id, user, password } = JSON.parse(added.stdout) as Record<string, string>;
    expect([id, user]).to.deep.equal(['kano', 'kano']);
    const telemetry = (secret = '') =>
      fetch(`${url}/telemetry`, { headers: { Authorization: basic('kano', secret) } }).then((one) => one.status);
    expect(await telemetry(password)).to.equal(200);
    expect(await verb('village', 'add', 'kano')).to.include({
      code: 1,
      stderr: 'error: the village kano exists already\n',
    });
    expect((await verb('village', 'list')).stdout).to.match(/^kano +ok/m);
    expect((await verb('conflicts')).stdout).to.equal('There is no open conflict.\n');
    expect((await verb('conflicts', '--village', 'nowhere')).code).to.equal(2);
    const rotated = await verb('village', 'rotate', 'kano', '--now');
    expect(rotated.stdout).to.match(/^The village kano has a new credential.*If it was disabled, it is enabled\.$/m);
    expect((await runCentral(['village', 'rotate', '--help'])).stdout).to.match(/a disabled village is let in again/);
    const renewed = /^CENTRAL_PASSWORD=(.*)$/m.exec(rotated.stdout)?.[1];
    expect([await telemetry(password), await telemetry(renewed)]).to.deep.equal([401, 200]);
    expect((await verb('village', 'disable', 'kano')).code).to.equal(0);
    expect(await telemetry(renewed)).to.equal(403);
    const status = await verb('status', '--json');
    expect(JSON.parse(status.stdout)).to.deep.include({
      ...{ url, villages: { total: 1, silent: 0, disabled: 1 }, pending: 0, openConflicts: 0 },
    });
    const overlapping = await verb('village', 'rotate', 'kano');
    expect(overlapping.stdout).to.match(/the old one works for 24 h more/);
    expect((await verb('village', 'rotate', 'kano', '--overlap-hours', 'x')).code).to.equal(2);
    expect((await verb('village', 'rotate', 'kano', '--overlap-hours', '9999')).stderr).to.match(/overlapHours/);
    expect(await runCentral(['status', '--central', url, '--admin-token', 'wrong'])).to.include({ code: 3 });
    const unreachable = await runCentral(['status', '--central', 'http://127.0.0.1:1'], { ADMIN_TOKEN: 'x' });
    expect(unreachable.code).to.equal(1);
    expect(unreachable.stderr).to.match(/^error: the centre at http:\/\/127\.0\.0\.1:1 cannot be reached/);
  }).timeout(180_000);

  it('makes tokens only their owner can read, and keeps them', async () => {
    const first = start();
    await first.url();
    const token = await readFile(path.join(folder, 'admin-token'), 'utf8');
    for (const name of ['admin-token', 'analyst-token']) {
      expect((await stat(path.join(folder, name))).mode & 0o777).to.equal(0o600);
    }
    expect((await first.kill('SIGTERM')).code).to.equal(0);
    expect(first.stderr).to.not.include(token.trim());
    await start().url();
    expect(await readFile(path.join(folder, 'admin-token'), 'utf8')).to.equal(token);
  });

  it('makes its data folder for its owner alone', async () => {
    const dataPath = path.join(folder, 'above', 'data');
    await start({ DATA_PATH: dataPath }).url();
    expect((await stat(dataPath)).mode & 0o777).to.equal(0o700);
  });

  it('takes no request after SIGTERM, finishes the one it has, and ends with 0', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const centre = start();
      const url = await centre.url();
      const { socket, answer } = await halfARequest(url, await readFile(path.join(folder, 'admin-token'), 'utf8'));
      const startMs = performance.now();
      const ended = centre.kill(signal);
      socket.write('"signal-');
      setTimeout(() => socket.write(`${signal.toLowerCase()}"}`.padEnd('sigterm"}'.length)), 300);
      expect(await answer).to.match(/^HTTP\/1\.1 201 /);
      expect(await ended).to.include({ code: 0, signal: null });
      expect(performance.now() - startMs).to.be.below(10_000);
    }
  });

  it('says in one sentence why it cannot run, and ends with 2', async () => {
    const taken = new URL(await start().url()).port;
    const elsewhere = { DATA_PATH: path.join(folder, 'elsewhere') };
    const file = path.join(folder, 'uuid');
    const cases: [Record<string, string>, RegExp][] = [
      [{ CENTRAL_PORT: taken, ...elsewhere }, /^error: port \d+ on 127\.0\.0\.1 is in use by another program/],
      [{}, new RegExp(`^error: the data folder ${literal(folder)} is in use by another running centre$`)],
      [{ ...elsewhere, CENTRAL_PORT: '99999' }, /^error: CENTRAL_PORT must be a whole number from 0 to 65535/],
      [{ ...elsewhere, REQUIRE_COUCHDB: 'true' }, /^error: COUCHDB_URL is not set, and REQUIRE_COUCHDB forbids/],
      [{ ...elsewhere, COUCHDB_URL: 'http://a:topsecret@b:1/db' }, /^error: COUCHDB_URL must be an origin/],
      [{ ...elsewhere, COUCHDB_URL: 'http://b:1', COUCHDB_PREFIX: 'A' }, /^error: COUCHDB_PREFIX must be/],
      [
        { ...elsewhere, COUCHDB_URL: 'http://b:1', COUCHDB_SHARDS: '0' },
        /^error: COUCHDB_SHARDS must be a whole number/,
      ],
      [
        { ...elsewhere, COUCHDB_URL: 'http://b:1', COUCHDB_SHARDS: '401' },
        /^error: COUCHDB_SHARDS must be a whole number from 1 to 400/,
      ],
      [{ ...elsewhere, TLS_CERT: 'x' }, /^error: TLS_CERT and TLS_KEY must be given together/],
      [{ ...elsewhere, TLS_CERT: 'x', TLS_KEY: 'y' }, /^error: TLS_CERT names a file that cannot be read/],
      [{ ...elsewhere, TLS_CERT: file, TLS_KEY: file }, /^error: TLS_CERT and TLS_KEY/],
      [{ DATA_PATH: file }, new RegExp(`^error: DATA_PATH ${literal(file)} cannot be used: it, or .* is a file$`)],
      [{ DATA_PATH: path.join(file, 'x') }, /^error: DATA_PATH .* cannot be used: it, or .* is a file$/],
      [{ DATA_PATH: path.join(file, 'x', 'y') }, /^error: DATA_PATH .* cannot be used: it, or .* is a file$/],
      [{ ...elsewhere, SILENT_AFTER_HOURS: '-1' }, /^error: SILENT_AFTER_HOURS must be a number [^(]*876000 \(given/],
      [
        { ...elsewhere, ADMIN_TOKEN: 'same', ANALYST_TOKEN: 'same' },
        /^error: ADMIN_TOKEN and ANALYST_TOKEN must differ/,
      ],
      [{ ...elsewhere, ADMIN_TOKEN: 'a b' }, /^error: ADMIN_TOKEN must be printable ASCII/],
    ];
    const readOnly = path.join(folder, 'read-only');
    await mkdir(readOnly, { mode: 0o500 });
    // Root may write anywhere.
    if (process.getuid?.() !== 0) cases.push([{ DATA_PATH: readOnly }, /^error: DATA_PATH .* may not read and write/]);
    for (const [env, sentence] of cases) {
      const ended = await runCentral(['start'], { CENTRAL_PORT: '0', DATA_PATH: folder, ...env });
      expect(ended.code, ended.stderr).to.equal(2);
      const said = ended.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
      expect(said.join('\n')).to.match(sentence);
      expect(said).to.have.length(1);
      expect(ended.stderr).to.not.match(/topsecret|\n\s+at /);
    }
    expect((await readdir(folder)).sort()).to.include('telemetry');
    const unknown = await runCentral(['start', '--nonsense']);
    expect([unknown.code, unknown.stderr.split('\n')[0]]).to.deep.equal([2, "error: unknown option '--nonsense'"]);
  }).timeout(180_000);
});

for (const kind of STORES) {
  describe(`solar-central killed at any moment, on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let place: Place;
    beforeEach(async () => {
      place = await createPlace(kind);
    });
    afterEach(() => place.remove());

    it('has every document it answered 201 for, once', async () => {
      const env = {
        CENTRAL_PORT: '0',
        DATA_PATH: place.folder,
        ADMIN_TOKEN: 'admin-token',
        ...couchEnvironment(place),
      };
      const admin = { Authorization: 'Bearer admin-token' };
      const acknowledged = new Map<string, unknown>();
      let password = '';
      for (let round = 0; round < 3; round++) {
        const centre = new CentreProcess(['start'], env);
        try {
          const url = await centre.url();
          if (round === 0) {
            const made = await fetch(`${url}/v1/villages`, json({ id: 'kano' }, admin));
            password = ((await made.json()) as { password: string }).password;
          }
          const headers = { Authorization: basic('kano', password) };
          const pushes = Array.from({ length: 4 }, async (_, n) => {
            const docs = readings('kano', 150, round * 1000 + n * 150);
            const init = json({ docs, new_edits: false }, headers);
            const answer = await fetch(`${url}/telemetry/_bulk_docs`, init).catch(() => undefined);
            if (answer?.status === 201) for (const one of docs) acknowledged.set(one._id, one);
          });
          // The first answer is enough: the others are killed wherever they are.
          await Promise.race(pushes);
          await centre.kill('SIGKILL');
          await Promise.all(pushes);
        } finally {
          await centre.kill('SIGKILL');
        }
      }
      const centre = new CentreProcess(['start'], env);
      try {
        const url = await centre.url();
        const answer = await fetch(`${url}/v1/villages/kano/readings?format=ndjson`, { headers: admin });
        const kept = (await answer.text())
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as { _id: string });
        expect(acknowledged.size).to.be.at.least(450);
        const byId = new Map(kept.map((one) => [one._id, one]));
        expect(byId.size).to.equal(kept.length);
        for (const [id, document] of acknowledged) expect(byId.get(id)).to.deep.equal(document);
        const ended = await centre.kill('SIGTERM');
        expect(ended.code).to.equal(0);
        if (place.couch?.password) expect(ended.stderr).to.not.include(place.couch.password);
      } finally {
        await centre.kill('SIGKILL');
      }
    }).timeout(180_000);
  });
}

/** A path in a pattern: the temporary folder may be called anything. */
function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** With the credentials in the URL, as people paste them. */
function couchEnvironment({ couch }: Place): Record<string, string> {
  if (!couch) return {};
  const url = new URL(couch.url);
  url.username = encodeURIComponent(couch.user ?? '');
  url.password = encodeURIComponent(couch.password ?? '');
  return { COUCHDB_URL: url.href, COUCHDB_PREFIX: couch.prefix, REQUIRE_COUCHDB: 'true' };
}

/** What the server says when it has the head of a request and is at work on it. */
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** A request to add a village that the centre is at work on, and whose body is not complete yet. */
async function halfARequest(url: string, token: string): Promise<{ socket: net.Socket; answer: Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  socket.setEncoding('utf8');
  let text = '';
  const answer = new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('password')) resolve(text.replace(CONTINUE, ''));
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text.replace(CONTINUE, '')));
  });
  // Both signals' names differ in length: the body is padded to one length.
  const length = '{"id":"signal-sigterm"}'.length;
  socket.write(
    `POST /v1/villages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token.trim()}\r\nContent-Type: application/json\r\n`,
  );
  socket.write(`Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n{"id":`);
  await waitFor(() => text.startsWith(CONTINUE), { what: 'the request to be begun', timeoutMs: 60_000 });
  return { socket, answer };
}
