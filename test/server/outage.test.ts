/** What the centre answers while its CouchDB is down, slow to come up, or only half well. */
import net from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Central } from '../../server/central.js';
import { silentLogger } from '../../shared/logger.js';
import { freePort } from '../support/free-port.js';
import { waitFor } from '../support/wait-for.js';
import { basic, json } from './support/centre.js';
import { readings } from './support/documents.js';
import { FakeCouch } from './support/fake-couch.js';
import { configIn, createPlace, type Place } from './support/stores.js';

type Json = Record<string, unknown>;

describe('the centre while CouchDB is in trouble', () => {
  let place: Place;
  let couch: FakeCouch | undefined;
  let central: Central;
  let login: string;

  beforeEach(async () => {
    place = await createPlace('embedded');
  });
  afterEach(async () => {
    await central.stop();
    await couch?.stop();
    couch = undefined;
    await place.remove();
  });

  const startCentral = async (url: string, deadlineMs?: number) => {
    const couchConfig = { url, prefix: '', deadlineMs };
    central = new Central({ config: configIn(place, { couch: couchConfig }), log: silentLogger() });
    await central.start();
  };
  const startBoth = async (deadlineMs?: number) => {
    // It comes back where it was: nobody else must have got the port meanwhile.
    couch = await FakeCouch.start(await freePort());
    await startCentral(couch.url, deadlineMs);
    await untilReady();
    login = await addVillage();
    return couch;
  };
  const untilReady = () =>
    waitFor(async () => (await fetch(`${central.url}/readyz`)).status === 200, { what: 'the centre to be ready' });
  const addVillage = async () => {
    const headers = { Authorization: `Bearer ${central.tokens.admin}` };
    const response = await fetch(`${central.url}/v1/villages`, json({ id: 'kano' }, headers));
    const { password } = (await response.json()) as { password: string };
    return basic('kano', password);
  };
  const push = (docs: unknown[]) =>
    fetch(
      `${central.url}/telemetry/_bulk_docs`,
      json({ docs, new_edits: false }, { Authorization: login, Prefer: 'return=representation' }),
    );
  const expectUnavailable = async (response: Response) => {
    expect(response.status).to.equal(503);
    expect(Number(response.headers.get('retry-after'))).to.be.above(0);
    const text = await response.text();
    expect(text).to.not.match(/"ok":true|\n\s+at |COUCHDB_|127\.0\.0\.1/);
    return text;
  };

  it('answers 503 to everything but /healthz until CouchDB is there, then works without a restart', async () => {
    const port = await freePort();
    await startCentral(`http://127.0.0.1:${port}`);
    const admin = { Authorization: `Bearer ${central.tokens.admin}` };
    expect((await fetch(`${central.url}/healthz`)).status).to.equal(200);
    for (const [path, headers] of [
      ['/readyz', {}],
      ['/', { Authorization: basic('kano', 'x') }],
      ['/telemetry', { Authorization: basic('kano', 'x') }],
      ['/v1/villages', admin],
      ['/v1/villages/kano/readings?format=csv', admin],
    ] as const) {
      await expectUnavailable(await fetch(central.url + path, { headers }));
    }
    couch = await FakeCouch.start(port);
    await untilReady();
    login = await addVillage();
    expect((await push(readings('kano', 2))).status).to.equal(201);
  });

  it('starts, answers and stops in time before a CouchDB that takes connections and says nothing', async () => {
    const sockets = new Set<net.Socket>();
    const hole = net.createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve));
    try {
      const startMs = performance.now();
      await startCentral(`http://127.0.0.1:${(hole.address() as net.AddressInfo).port}`);
      expect((await fetch(`${central.url}/healthz`)).status).to.equal(200);
      expect((await fetch(`${central.url}/readyz`)).status).to.equal(503);
      await central.stop();
      expect(performance.now() - startMs).to.be.below(8_000);
    } finally {
      for (const socket of sockets) socket.destroy();
      hole.close();
    }
  });

  it('does not call delivered what CouchDB has not stored at a quorum', async () => {
    const fake = await startBoth();
    fake.bulkDocs = { status: 202, body: [] };
    expect(await expectUnavailable(await push(readings('kano', 2)))).to.match(/quorum/);
    fake.bulkDocs = { status: 201, body: [] };
    expect((await push(readings('kano', 2))).status).to.equal(201);
  });

  it('does not call delivered what one copy of a cluster holds and the quorum has not confirmed', async () => {
    const fake = await startBoth();
    const [reading] = readings('kano', 1) as { _id: string; _rev: string }[];
    if (!reading) throw new Error('no reading');
    const { _id: id, _rev: rev } = reading;
    fake.bulkDocs = { status: 202, body: [] };
    await expectUnavailable(await push([reading]));
    // Sent again it is found: where the first write got to, and perhaps nowhere else.
    fake.lookUp = { status: 200, body: { [id]: { missing: ['1000000000-0'], possible_ancestors: [rev] } } };
    fake.allDocs = { status: 200, body: { rows: [{ id, key: id, value: { rev }, doc: reading }] } };
    expect(await expectUnavailable(await push([reading]))).to.match(/quorum/);
    fake.bulkDocs = { status: 201, body: [] };
    expect((await push([reading])).status).to.equal(201);
    expect(fake.writes).to.deep.equal([[id], [id], [id]]);
  });

  it('turns every failure of a write or a look-up into a 503 for the whole request', async () => {
    const fake = await startBoth();
    for (const trouble of [
      { status: 500, body: { error: 'internal_server_error', reason: 'No DB shards could be opened.' } },
      { status: 401, body: { error: 'unauthorized', reason: 'x' } },
      { status: 403, body: { error: 'forbidden', reason: 'read-only' } },
      { status: 405, body: { error: 'method_not_allowed', reason: 'Only GET,HEAD allowed' } },
      { status: 412, body: { error: 'precondition_failed', reason: 'read-only' } },
      { status: 500, body: { error: 'error', reason: 'enospc' } },
      { status: 507, body: { error: 'insufficient_storage', reason: 'No space left' } },
      { status: 404, body: { error: 'not_found', reason: 'Database does not exist.' } },
      { status: 200, body: [] },
      { status: 201, body: {} },
      { status: 201, body: [{ id: 'kano:x', error: 'timeout', reason: 'The request could not be processed' }] },
      { status: 201, body: [{ id: 'kano:x', error: 'internal_server_error', reason: 'enospc' }] },
    ]) {
      fake.bulkDocs = trouble;
      await expectUnavailable(await push(readings('kano', 2)));
    }
    fake.bulkDocs = { status: 201, body: [] };
    fake.lookUp = { status: 500, body: { error: 'timeout', reason: 'The request could not be processed' } };
    await expectUnavailable(await push(readings('kano', 1)));
    fake.lookUp = { status: 200, body: {} };
    await expectUnavailable(await push(readings('kano', 1)));
    fake.lookUp = undefined;
    expect((await push(readings('kano', 1))).status).to.equal(201);
  });

  it('answers 503 in time when CouchDB takes too long, and takes the same again once it does not', async () => {
    // What is to be answered must not take so long either.
    const fake = await startBoth(1_500);
    fake.bulkDocs = undefined;
    const startMs = performance.now();
    await expectUnavailable(await push(readings('kano', 2)));
    expect(performance.now() - startMs).to.be.below(5_000);
    fake.bulkDocs = { status: 201, body: [] };
    expect((await push(readings('kano', 2))).status).to.equal(201);
  });

  it('gives no receipt when CouchDB cannot tell, or does not in time', async () => {
    const fake = await startBoth();
    const ask = () =>
      fetch(`${central.url}/telemetry/_receipt?node=node1&from=1&to=9`, { headers: { Authorization: login } });
    for (const trouble of [
      { status: 500, body: { error: 'timeout', reason: 'The request could not be processed' } },
      { status: 404, body: { error: 'not_found', reason: 'missing' } },
      { status: 200, body: {} },
      { status: 200, body: { rows: [{ key: null, value: 5 }] } },
      { status: 200, body: { rows: [{ key: null, value: [1, 2] }] } },
      { status: 200, body: { rows: [{ key: null, value: [1, 2.5, 3] }] } },
      { status: 200, body: { rows: [{ key: null, value: [2 ** 53, 2, 3] }] } },
      { status: 200, body: { rows: [1, 2].map((seq) => ({ key: ['node1', seq], value: [1, 2, 3] })) } },
      undefined,
    ]) {
      fake.receipt = trouble;
      expect(await expectUnavailable(await ask())).to.not.match(/count/);
    }
    fake.receipt = { status: 200, body: { rows: [{ key: null, value: [3, 131072, 70000] }] } };
    expect(await (await ask()).json()).to.deep.equal({ count: 3, checksum: 131072 * 65536 + 70000 });
    const sums = [2 ** 40, 2 ** 38, 2 ** 33 + 5];
    fake.receipt = { status: 200, body: { rows: [{ key: null, value: sums }] } };
    expect(await (await ask()).json()).to.deep.equal({ count: 2 ** 40, checksum: 2 ** 33 + 5 });
  });

  it('passes on what CouchDB forbids, document by document', async () => {
    const fake = await startBoth();
    const [bad, good] = readings('kano', 2);
    fake.bulkDocs = { status: 201, body: [{ id: bad?._id, error: 'forbidden', reason: 'not on Sundays' }] };
    const entries = (await (await push([bad, good])).json()) as Json[];
    expect(entries).to.deep.equal([
      { id: bad?._id, error: 'forbidden', reason: 'not on Sundays' },
      { id: good?._id, rev: good?._rev, ok: true },
    ]);
  });

  it('finds the one document CouchDB cannot take, so that the others are stored', async () => {
    const fake = await startBoth();
    fake.bulkDocs = { status: 400, body: { error: 'bad_request', reason: 'invalid UTF-8 JSON' } };
    const entries = (await (await push(readings('kano', 5))).json()) as Json[];
    expect(entries.map((entry) => entry.reason)).to.deep.equal(Array(5).fill('invalid UTF-8 JSON'));
    expect(fake.writes.filter((ids) => ids.length === 1)).to.have.length(5);
  });

  it('recovers when CouchDB comes back', async () => {
    const fake = await startBoth();
    const { port } = new URL(fake.url);
    await fake.stop();
    expect((await fetch(`${central.url}/readyz`)).status).to.equal(503);
    await expectUnavailable(await push(readings('kano', 1)));
    couch = await FakeCouch.start(Number(port));
    login = await addVillage();
    expect((await fetch(`${central.url}/readyz`)).status).to.equal(200);
    expect((await push(readings('kano', 1))).status).to.equal(201);
  });
});
