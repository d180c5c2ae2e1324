/** Receipts as every store of the centre gives them: exactly what is held, whatever happened before. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { CentralStore } from '../../server/store/contract.js';
import { CouchClient } from '../../server/store/couch-client.js';
import { addToReceipt, EMPTY_RECEIPT } from '../../shared/receipt.js';
import { event, incoming, prediction, reading, readings, type Sent } from '../server/support/documents.js';
import {
  createPlace,
  openIn,
  type Place,
  SKIPPED_COUCHDB,
  STORES,
  type StoreKind,
  writeDirectly,
} from '../server/support/stores.js';
import { itWithSeed } from '../support/seeds.js';
import { waitFor } from '../support/wait-for.js';

const LAST = Number.MAX_SAFE_INTEGER;

for (const kind of STORES) {
  describe(`receipts of the centre's store, ${kind}${SKIPPED_COUCHDB}`, () => {
    receiptSuite(kind);
  });
}

/** What the receipt must be when just these documents are held. */
function expected(documents: readonly Sent[], node = 'node1', from = 1, to = LAST) {
  return documents
    .filter((one) => one.node === node && one.seq >= from && one.seq <= to)
    .reduce((receipt, one) => addToReceipt(receipt, one._rev), EMPTY_RECEIPT);
}

function receiptSuite(kind: StoreKind): void {
  let place: Place;
  let store: CentralStore;
  let villages = 0;
  const newVillage = () => `village${++villages}`;

  before(async () => {
    place = await createPlace(kind);
    store = await openIn(place);
  });
  after(async () => {
    await store.close();
    await place.remove();
  });

  it('count telemetry of every type in the range, both ends included, and nothing where nothing is', async () => {
    const village = newVillage();
    expect(await store.receipt(village, 'node1', 1, LAST)).to.deep.equal(EMPTY_RECEIPT);
    const documents = [...readings(village, 4), prediction(village, 4), event(village, 5)];
    await store.write(documents.map(incoming));
    expect(await store.receipt(village, 'node1', 1, LAST)).to.deep.equal(expected(documents));
    expect(expected(documents).count).to.equal(6);
    for (const [from, to] of [
      [1, 1],
      [2, 5],
      [5, 6],
      [6, 6],
      [6, 900],
      [7, LAST],
      [LAST, LAST],
    ] as const) {
      expect(await store.receipt(village, 'node1', from, to)).to.deep.equal(expected(documents, 'node1', from, to));
    }
  });

  it('count neither other nodes nor other villages, however much alike their names are', async () => {
    const village = newVillage();
    const names = [village, `${village}0`, `${village}-a`, `${village}_a`, `a${village}`];
    const documents = names.flatMap((name, n) =>
      ['node1', 'node12', 'nod1', '0000'].map((node, m) => reading(name, 10 * n + m, { node, seq: 7 })),
    );
    await store.write(documents.map(incoming));
    for (const name of names) {
      for (const node of ['node1', 'node12', 'nod1', '0000']) {
        const own = documents.filter((one) => one.village === name);
        expect(await store.receipt(name, node, 1, LAST)).to.deep.equal({ ...expected(own, node), count: 1 });
      }
      expect(await store.receipt(name, 'node', 1, LAST)).to.deep.equal(EMPTY_RECEIPT);
    }
  });

  it('count a document under the number it is held under, and not what was refused', async () => {
    const village = newVillage();
    const documents = readings(village, 3);
    await store.write(documents.map(incoming));
    const again = documents.map((one) => ({ ...one, node: 'node2', seq: one.seq + 50 }));
    const other = { ...documents[0], _rev: '1-ffffffffffff', seq: 60, powerW: 1 } as Sent;
    await store.write([...again, other].map(incoming));
    expect(await store.receipt(village, 'node2', 1, LAST)).to.deep.equal(EMPTY_RECEIPT);
    expect(await store.receipt(village, 'node1', 1, LAST)).to.deep.equal(expected(documents));
  });

  it('cover every write that was answered before', async () => {
    const village = newVillage();
    for (let n = 0; n < 25; n++) {
      await store.write([incoming(reading(village, n))]);
      expect((await store.receipt(village, 'node1', 1, LAST)).count).to.equal(n + 1);
    }
  });

  itWithSeed('are the same in whatever order and beside whichever others the documents came', async (random) => {
    const names = Array.from({ length: 6 }, newVillage);
    const all = names.flatMap((village) => readings(village, 900));
    const shuffled = all.map((one) => ({ one, at: random.next() })).sort((a, b) => a.at - b.at);
    const sent = shuffled.map(({ one }) => one).slice(0, 4_500);
    for (let start = 0; start < sent.length; ) {
      const size = random.integer(1, 700);
      await Promise.all([
        store.write(sent.slice(start, start + size).map(incoming)),
        store.receipt(names[0] ?? '', 'node1', 1, 500),
      ]);
      start += size;
    }
    for (const village of names) {
      const own = sent.filter((one) => one.village === village);
      for (let tries = 0; tries < 5; tries++) {
        const from = random.integer(1, 950);
        const to = random.integer(from, 1000);
        const receipt = await store.receipt(village, 'node1', from, to);
        expect(receipt, `${from} to ${to}`).to.deep.equal(expected(own, 'node1', from, to));
      }
    }
  });

  it('keep far numbers apart, one that is given twice included', async () => {
    const village = newVillage();
    const numbers = [1, 4095, 4096, 4097, 8191, 8192, 2 ** 32, LAST - 1, LAST, LAST];
    const documents = numbers.map((seq, n) => reading(village, n, { seq }));
    await store.write(documents.map(incoming));
    for (const [from, to] of [
      [1, LAST],
      [1, 4095],
      [4096, 4096],
      [4097, 8192],
      [8193, LAST - 1],
      [LAST, LAST],
    ] as const) {
      expect(await store.receipt(village, 'node1', from, to)).to.deep.equal(expected(documents, 'node1', from, to));
    }
  });

  it('take revisions as they are, those with a history and those without a full hash', async () => {
    const village = newVillage();
    // Not of sixteen digits: CouchDB takes them for the sixteen bytes of a hash of its own and shows another text.
    const revisions = ['1-f', '1-ffffffff', '3-00000000ffffff', `900-${'ab'.repeat(16)}`];
    const documents = revisions.map((_rev, n) => reading(village, n, { _rev, note: 'say "no" to\\\n\u0000' }));
    await store.write(documents.map(incoming));
    const sum = 0xf + 0xffffffff + 0 + 0xabababab;
    expect(await store.receipt(village, 'node1', 1, LAST)).to.deep.equal({ count: 4, checksum: sum });
  });

  it('count no more what was deleted or replaced behind the store, and again what came back', async () => {
    const village = newVillage();
    const documents = readings(village, 5);
    await store.write(documents.map(incoming));
    expect((await store.receipt(village, 'node1', 1, LAST)).count).to.equal(5);
    const [deleted, replaced] = documents.map((one) => {
      const { _rev, ...fields } = one;
      const [generation, hash] = _rev.split('-');
      return { ...fields, _revisions: { start: Number(generation) + 1, ids: ['dead', hash] } };
    });
    store = await writeDirectly(place, store, [
      { ...deleted, _deleted: true },
      { ...replaced, powerW: 0 },
    ]);
    const left = [{ ...documents[1], _rev: '2-dead' } as Sent, ...documents.slice(2)];
    expect(await store.receipt(village, 'node1', 1, LAST)).to.deep.equal(expected(left));
    const { _rev, ...fields } = documents[0] as Sent;
    const back = { ...fields, _revisions: { start: 3, ids: ['beef', 'dead', _rev.split('-')[1]] } };
    store = await writeDirectly(place, store, [back]);
    const all = [...left, { ...documents[0], _rev: '3-beef' } as Sent];
    expect(await store.receipt(village, 'node1', 1, LAST)).to.deep.equal(expected(all));
  });

  it('are the same after the store was opened again', async () => {
    const village = newVillage();
    const documents = readings(village, 1200);
    await store.write(documents.map(incoming));
    await store.close();
    store = await openIn(place);
    expect(await store.receipt(village, 'node1', 2, 1100)).to.deep.equal(expected(documents, 'node1', 2, 1100));
  });

  if (kind === 'couchdb') {
    it('are given again soon after the database was deleted or made anew under a running gateway', async () => {
      const fresh = await createPlace(kind);
      const gateway = await openIn(fresh);
      try {
        const documents = readings('kano', 20);
        await gateway.write(documents.map(incoming));
        expect(await gateway.receipt('kano', 'node1', 1, LAST)).to.deep.equal(expected(documents));
        const client = new CouchClient(fresh.couch ?? { url: '', prefix: '' });
        await client.request({ db: 'telemetry', method: 'DELETE' });
        const receipt = () => gateway.receipt('kano', 'node1', 1, LAST);
        expect(await receipt()).to.deep.equal(EMPTY_RECEIPT);
        await client.request({ db: 'telemetry', method: 'DELETE' });
        await client.request({ db: 'telemetry', method: 'PUT', qs: { partitioned: true } });
        expect(await waitFor(receipt, { what: 'another receipt', timeoutMs: 15_000 })).to.deep.equal(EMPTY_RECEIPT);
        await gateway.write(documents.slice(5).map(incoming));
        expect(await gateway.receipt('kano', 'node1', 1, LAST)).to.deep.equal(expected(documents.slice(5)));
        expect((await gateway.info()).doc_count).to.equal(15);
      } finally {
        await gateway.close();
        await fresh.remove();
      }
    });

    it('are the same from every gateway, and from a CouchDB that was set up before there were receipts', async () => {
      const village = newVillage();
      const documents = readings(village, 300);
      const client = new CouchClient(place.couch ?? { url: '', prefix: '' });
      const design = { db: 'telemetry', path: '_design/receipts-1' };
      const { body } = await client.request<{ _rev: string }>(design);
      await client.request({ ...design, method: 'DELETE', qs: { rev: body._rev } });
      await store.write(documents.map(incoming));
      const gateways = await Promise.all(Array.from({ length: 4 }, () => openIn(place)));
      for (const gateway of gateways) {
        expect(await gateway.receipt(village, 'node1', 1, LAST)).to.deep.equal(expected(documents));
      }
      const more = reading(village, 300);
      await gateways[0]?.write([incoming(more)]);
      expect(await gateways[1]?.receipt(village, 'node1', 301, 301)).to.deep.equal(expected([more]));
    });
  }
}
