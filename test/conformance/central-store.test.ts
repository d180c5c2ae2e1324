/** What every store of the centre promises, run on each of them. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { CentralStore, VillageRecord } from '../../server/store/contract.js';
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import { parseTelemetryQuery, streamTelemetry } from '../../shared/telemetry-list.js';
import { event, incoming, prediction, reading, readings } from '../server/support/documents.js';
import {
  createPlace,
  openIn,
  type Place,
  SKIPPED_COUCHDB,
  STORES,
  type StoreKind,
  writeDirectly,
} from '../server/support/stores.js';
import { waitFor } from '../support/wait-for.js';

for (const kind of STORES) {
  describe(`the centre's store, ${kind}${SKIPPED_COUCHDB}`, () => {
    storeSuite(kind);
  });
}

function storeSuite(kind: StoreKind): void {
  let place: Place;
  let store: CentralStore;

  before(async () => {
    place = await createPlace(kind);
    store = await openIn(place);
  });
  after(async () => {
    await store.close();
    await place.remove();
  });

  let villages = 0;
  /** A village no other test writes to. */
  const newVillage = () => `village${++villages}`;
  const readAll = async (village: string, type: 'reading' | 'prediction' = 'reading') => {
    const found: TelemetryDocument[] = [];
    for await (const one of streamTelemetry([store.telemetry], village, type, parseTelemetryQuery({}))) found.push(one);
    return found;
  };

  it('keeps what was written, field by field, and over reopening', async () => {
    const village = newVillage();
    const documents = [
      reading(village, 0, { voltageV: 229.75, note: 'Zürich – ☀️ "quoted"', ok: true, clock: 'unsure' }),
      prediction(village, 1),
      event(village, 2),
    ];
    expect(await store.write(documents.map(incoming))).to.deep.equal([{ ok: true }, { ok: true }, { ok: true }]);
    const { uuid } = store;
    await store.close();
    store = await openIn(place);
    expect(store.uuid)
      .to.equal(uuid)
      .and.match(/^[0-9a-f]{32}$/);
    expect(await readAll(village)).to.deep.equal([documents[0]]);
    expect(await readAll(village, 'prediction')).to.deep.equal([documents[1]]);
    const events = await store.telemetry.readRange({
      startId: `${village}:e:`,
      endId: `${village}:e:\uffff`,
      descending: false,
      limit: 10,
    });
    expect(events).to.deep.equal([documents[2]]);
  });

  it('takes the same document again as held, and tells the number it is held under where that differs', async () => {
    const first = reading(newVillage(), 0);
    const otherNumber = { ...first, node: 'node2', seq: 77 };
    expect(await store.write([incoming(first)])).to.deep.equal([{ ok: true }]);
    expect(await store.write([incoming(first)])).to.deep.equal([{ ok: true }]);
    expect(await store.write([incoming(otherNumber)])).to.deep.equal([{ ok: true, held: { node: 'node1', seq: 1 } }]);
    expect(await readAll(String(first.village))).to.deep.equal([first]);
  });

  it('never rewrites: other content under a held id is refused and the first stays', async () => {
    const village = newVillage();
    const first = reading(village, 0);
    await store.write([incoming(first)]);
    for (const rev of ['1-ffffffffffff', '1-000000000000', '2-ffffffffffff']) {
      const other = { ...first, _rev: rev, powerW: 9999 };
      const [outcome, neighbour] = await store.write([incoming(other), incoming(reading(village, 1))]);
      expect(outcome).to.deep.equal({ ok: false, error: 'forbidden', reason: 'already held with other content' });
      expect(neighbour?.ok).to.equal(true);
    }
    expect((await readAll(village)).map((one) => one._rev)).to.deep.equal([first._rev, reading(village, 1)._rev]);
  });

  it('lets the first win where one call names an id twice', async () => {
    const village = newVillage();
    const first = reading(village, 0);
    const again = { ...first, node: 'node2', seq: 5 };
    const other = { ...first, _rev: '1-ffffffffffff', powerW: 1 };
    expect(await store.write([first, other, again, first].map(incoming))).to.deep.equal([
      { ok: true },
      { ok: false, error: 'forbidden', reason: 'already held with other content' },
      { ok: true, held: { node: 'node1', seq: 1 } },
      { ok: true },
    ]);
    expect(await readAll(village)).to.deep.equal([first]);
  });

  it('lets exactly one of two contents win when both arrive at once', async () => {
    const village = newVillage();
    const contents = Array.from({ length: 8 }, (_, n) => reading(village, 0, { powerW: n }));
    const outcomes = await Promise.all(contents.map(async (one) => (await store.write([incoming(one)]))[0]));
    expect(outcomes.filter((outcome) => outcome?.ok)).to.have.length(1);
    const winner = contents[outcomes.findIndex((outcome) => outcome?.ok)];
    expect(await readAll(village)).to.deep.equal([winner]);
  });

  it('answers for each of thousands of documents in their order, several villages at once', async () => {
    const names = [newVillage(), newVillage(), newVillage()];
    await Promise.all(
      names.map(async (village, n) => {
        const documents = readings(village, 2300 + n);
        const shuffled = [...documents].reverse();
        const outcomes = await store.write(shuffled.map(incoming));
        expect(outcomes).to.have.length(2300 + n);
        expect(outcomes.every((outcome) => outcome.ok && outcome.held === undefined)).to.equal(true);
      }),
    );
    for (const [n, village] of names.entries()) {
      expect((await readAll(village)).map((one) => one.seq)).to.deep.equal(
        readings(village, 2300 + n).map((one) => one.seq),
      );
    }
  });

  it('takes revisions with a history and finds them again', async () => {
    const village = newVillage();
    const ids = Array.from({ length: 900 }, (_, n) => n.toString(16).padStart(8, '0'));
    const { _rev, ...fields } = reading(village, 0);
    const body = { ...fields, _revisions: { start: 900, ids } };
    const document = { id: body._id, rev: `900-${ids[0]}`, node: 'node1', seq: 1, body };
    expect(await store.write([document])).to.deep.equal([{ ok: true }]);
    expect(await store.write([document])).to.deep.equal([{ ok: true }]);
    expect(await store.revsDiff({ [body._id]: [`900-${ids[0]}`, '901-ab'] }))
      .to.have.nested.property(`${body._id.replaceAll('.', '\\.')}.missing`)
      .that.deep.equals(['901-ab']);
  });

  it('tells which revisions are missing and leaves out what is held', async () => {
    const village = newVillage();
    const held = reading(village, 0);
    await store.write([incoming(held)]);
    const missing = reading(village, 1);
    const answer = await store.revsDiff({ [held._id]: [held._rev], [missing._id]: [missing._rev] });
    expect(Object.keys(answer)).to.deep.equal([missing._id]);
    expect(answer[missing._id]?.missing).to.deep.equal([missing._rev]);
  });

  it('reads ranges of ids from both ends and finds the first id', async () => {
    const village = newVillage();
    const documents = readings(village, 30);
    await store.write(documents.map(incoming));
    const ids = documents.map((one) => one._id).sort();
    const [low, high] = [ids[3] ?? '', ids[20] ?? ''];
    const up = await store.telemetry.readRange({ startId: low, endId: high, descending: false, limit: 5 });
    expect(up.map((one) => one._id)).to.deep.equal(ids.slice(3, 8));
    const down = await store.telemetry.readRange({ startId: high, endId: low, descending: true, limit: 100 });
    expect(down.map((one) => one._id)).to.deep.equal(ids.slice(3, 21).reverse());
    expect(await store.telemetry.firstId(`${village}:r:`, `${village}:r:\uffff`)).to.equal(ids[0]);
    expect(await store.telemetry.firstId(`${village}:r:zz`, `${village}:r:\uffff`)).to.equal(undefined);
  });

  it('keeps local documents by village, with revisions checked', async () => {
    const [mine, theirs] = [newVillage(), newVillage()];
    for (const name of ['abc_1.2==', '../../villages/x', 'a/b%2fc', 'ü:☀️', '_design/x']) {
      expect(await store.local.get(mine, name)).to.equal(undefined);
      expect(await errorCode(store.local.delete(mine, name, '0-1'))).to.equal('not_found');
      expect(await errorCode(store.local.put(mine, name, { n: 0 }, '0-7'))).to.equal('conflict');
      const first = await store.local.put(mine, name, { n: 1, deep: [{ a: null }] }, undefined);
      expect(first).to.equal('0-1');
      expect(await store.local.get(theirs, name)).to.equal(undefined);
      expect(await errorCode(store.local.put(mine, name, { n: 2 }, undefined))).to.equal('conflict');
      expect(await store.local.put(mine, name, { n: 2 }, first)).to.equal('0-2');
      expect(await errorCode(store.local.put(mine, name, { n: 3 }, first))).to.equal('conflict');
      expect(await store.local.get(mine, name)).to.deep.equal({ rev: '0-2', body: { n: 2 } });
      expect(await errorCode(store.local.delete(mine, name, first))).to.equal('conflict');
      expect(await errorCode(store.local.delete(mine, name, undefined))).to.equal('conflict');
      await store.local.delete(mine, name, '0-2');
      expect(await store.local.get(mine, name)).to.equal(undefined);
    }
  });

  it('counts documents and moves its update sequence with each write', async () => {
    const before = await store.info();
    await store.write(readings(newVillage(), 3).map(incoming));
    const after = await store.info();
    expect(after.doc_count).to.equal(before.doc_count + 3);
    expect(after.update_seq).to.not.equal(before.update_seq);
    await store.ping();
  });

  it('tells when the database was created: the same over reopening, another for one made anew', async () => {
    const fresh = await createPlace(kind);
    const createdAt = async () => {
      const opened = await openIn(fresh);
      try {
        return (await opened.info()).instance_start_time;
      } finally {
        await opened.close();
      }
    };
    try {
      const first = await createdAt();
      expect(Number(first)).to.be.above(1_000_000_000);
      expect(await createdAt()).to.equal(first);
      // CouchDB counts whole seconds: the first one made anew may still bear the old time.
      const isAnother = async () => {
        await fresh.empty();
        return (await createdAt()) !== first;
      };
      await waitFor(isAnother, { what: 'another time of creation' });
    } finally {
      await fresh.remove();
    }
  });

  it('keeps villages: each once, changed by many at the same time without losing a change', async () => {
    const [second, first] = [`b-${newVillage()}`, `a-${newVillage()}`];
    const record = (id: string): VillageRecord => ({
      id,
      name: 'North',
      lat: 0,
      lon: -1.5,
      credentialHash: 'sha256$a$b',
      createdAt: '2026-03-01T00:00:00.000Z',
    });
    await store.villages.create(record(second));
    await store.villages.create(record(first));
    expect(await errorCode(store.villages.create({ ...record(first), name: 'Other' }))).to.equal('conflict');
    expect(await store.villages.list()).to.deep.equal([record(first), record(second)]);
    const grow = (one: VillageRecord) => ({ ...one, lat: (one.lat ?? 0) + 1 });
    await Promise.all(Array.from({ length: 4 }, () => store.villages.update(first, grow)));
    expect(await store.villages.get(first)).to.deep.equal({ ...record(first), lat: 4 });
    expect(await store.villages.get('nowhere')).to.equal(undefined);
    expect(await store.villages.update('nowhere', grow)).to.equal(undefined);
  });

  it('refuses a document that an operator has deleted, instead of claiming to hold it', async () => {
    const document = reading(newVillage(), 0);
    await store.write([incoming(document)]);
    // An operator deletes behind the gateway's back; to the store it is one more revision.
    const { _rev, ...fields } = document;
    const [generation, hash] = _rev.split('-');
    const tombstone = { ...fields, _deleted: true, _revisions: { start: Number(generation) + 1, ids: ['dead', hash] } };
    store = await writeDirectly(place, store, [tombstone]);
    expect(await store.write([incoming(document)])).to.deep.equal([
      { ok: false, error: 'forbidden', reason: 'was deleted at the centre by an operator' },
    ]);
  });

  if (kind === 'couchdb') {
    it('can be prepared by several gateways at once, again and again', async () => {
      const fresh = await createPlace(kind);
      try {
        const opened = await Promise.all(Array.from({ length: 4 }, () => openIn(fresh)));
        expect(new Set(opened.map(({ uuid }) => uuid)).size).to.equal(1);
        expect(opened[0]?.uuid).to.not.equal(store.uuid);
        const [first, second] = opened;
        const document = incoming(reading('shared', 0));
        expect(await first?.write([document])).to.deep.equal([{ ok: true }]);
        expect(await second?.write([{ ...document, seq: 9 }])).to.deep.equal([
          { ok: true, held: { node: 'node1', seq: 1 } },
        ]);
        const { url, prefix } = fresh.couch ?? { url: '', prefix: '' };
        for (const db of ['telemetry', 'villages']) {
          expect((await fetch(`${url}/${prefix}${db}`)).status).to.equal(401);
        }
      } finally {
        await fresh.remove();
      }
    });
  }

  it('writes nothing for an empty call', async () => {
    expect(await store.write([])).to.deep.equal([]);
    expect(await store.revsDiff({})).to.deep.equal({});
  });
}

async function errorCode(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return undefined;
}
