import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { DamagedError } from '../../../edge/ledger/damaged-error.js';
import type { DeliveryRecord } from '../../../edge/ledger/segment-record.js';
import { recoverQuarantine } from '../../../edge/push/quarantine-recovery.js';
import { type QuarantineItem, QuarantineStore } from '../../../edge/push/quarantine-store.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import { openDatabase } from '../../../shared/pouchdb.js';
import { useTempFolder } from '../../support/temp-folder.js';

const SINCE = '2026-03-01T00:00:00.000Z';

function document(seq: number): TelemetryDocument {
  const at = new Date(Date.UTC(2026, 2, 1) + seq * 1000).toISOString();
  const base = { _id: `kano:r:m1:${at}`, _rev: '1-abcdefabcdef', type: 'reading', village: 'kano', at } as const;
  return { ...base, node: 'abcd', seq, boot: 1, device: 'm1', powerW: seq };
}

function segment(firstSeq: number, delivery: Partial<DeliveryRecord>, failure?: Error) {
  return {
    firstSeq,
    delivery: { deliveredSeq: 0, void: [], quarantined: [], lost: [], ...delivery } as DeliveryRecord,
    async writeDelivery(changed: DeliveryRecord): Promise<void> {
      if (failure) throw failure;
      this.delivery = changed;
    },
  };
}

async function itemsOf(quarantine: QuarantineStore): Promise<QuarantineItem[]> {
  const items: QuarantineItem[] = [];
  for await (const item of quarantine.all()) items.push(item);
  return items;
}

describe('the quarantine', () => {
  let store: QuarantineStore | undefined;

  afterEach(async () => {
    await store?.close();
    store = undefined;
  });
  const folder = useTempFolder();

  async function open(): Promise<QuarantineStore> {
    await store?.close();
    store = await QuarantineStore.open(folder.path);
    return store;
  }

  async function damage(content: (bytes: number) => string): Promise<void> {
    await store?.close();
    store = undefined;
    const where = path.join(folder.path, 'quarantine');
    for (const name of await readdir(where)) {
      if (/\.(log|ldb)$|CURRENT/.test(name)) await writeFile(path.join(where, name), content(3000));
    }
  }

  const refusals = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ document: document(n + 1), reason: `reason ${n + 1}` }));

  it('keeps documents with their reasons across openings, and counts tries', async () => {
    const first = await open();
    await first.add(refusals(250), SINCE);
    await first.add(refusals(1), '2027-01-01T00:00:00.000Z');
    const again = await open();
    expect([again.count, again.isIncomplete]).to.deep.equal([250, false]);
    const items = await itemsOf(again);
    expect(items.map(({ doc }) => doc)).to.deep.equal(refusals(250).map(({ document: one }) => one));
    expect(items[0]).to.include({ reason: 'reason 1', since: SINCE, tries: 2 });
    expect(items[1]).to.include({ tries: 1 });
    await again.remove(items[0]?.id ?? '');
    expect(again.count).to.equal(249);
  });

  it('that was damaged takes documents as before, and says that some may be missing until that is dealt with', async () => {
    await (await open()).add(refusals(5), SINCE);
    await damage((bytes) => 'x'.repeat(bytes));
    const mended = await open();
    expect([mended.count, mended.isIncomplete]).to.deep.equal([0, true]);
    await mended.add(refusals(2), SINCE);
    expect([(await itemsOf(mended)).length, mended.count]).to.deep.equal([2, 2]);
    expect((await open()).isIncomplete).to.equal(true);
    await (await open()).recovered();
    expect([(await open()).isIncomplete, (await open()).count]).to.deep.equal([false, 2]);
  });

  it('that lost documents has their numbers put back to pending, from the first on', async () => {
    await (await open()).add(refusals(1), SINCE);
    await damage(() => '');
    const mended = await open();
    const hit = segment(101, {
      deliveredSeq: 50,
      quarantined: [
        [110, 112],
        [140, 140],
      ],
      void: [[105, 105]],
    });
    const clean = segment(151, { deliveredSeq: 50 });
    expect(await recoverQuarantine(mended, [hit, clean])).to.equal(true);
    expect(hit.delivery).to.deep.include({ deliveredSeq: 9, quarantined: [], void: [[105, 105]] });
    expect(clean.delivery.deliveredSeq).to.equal(50);
    expect(mended.isIncomplete).to.equal(false);
    expect(await recoverQuarantine(mended, [hit, clean])).to.equal(false);
  });

  it('that lost documents does not offer again what a person has given up', async () => {
    await (await open()).add(refusals(1), SINCE);
    await damage(() => '');
    const quarantined: [number, number][] = [[110, 112]];
    const hit = segment(101, { deliveredSeq: 50, quarantined, released: [[110, 110]] });
    expect(await recoverQuarantine(await open(), [hit])).to.equal(true);
    expect(hit.delivery).to.deep.include({ deliveredSeq: 10, quarantined: [[110, 110]], released: [[110, 110]] });
  });

  it('offers what an earlier version kept, which does not say when it was tried last', async () => {
    const database = await openDatabase(path.join(folder.path, 'quarantine'));
    const doc = document(1);
    await database.bulkDocs([{ _id: doc._id, reason: 'a rule', since: SINCE, tries: 1, doc }]);
    await database.close();
    const opened = await open();
    const sinceMs = Date.parse(SINCE);
    expect([opened.isRetryDue(sinceMs + 59_000), opened.isRetryDue(sinceMs + 61_000)]).to.deep.equal([false, true]);
    expect(opened.idsToRetry('due', sinceMs + 61_000)).to.deep.equal([doc._id]);
    expect((await itemsOf(opened))[0]).to.include({ since: SINCE, tries: 1 });
  });

  it('counts another try only of what is still there', async () => {
    const opened = await open();
    await opened.add(refusals(2), SINCE);
    await opened.remove(document(1)._id);
    await opened.refusedAgain(refusals(2), '2026-03-02T00:00:00.000Z');
    expect((await itemsOf(opened)).map(({ tries, lastTriedAt }) => [tries, lastTriedAt])).to.deep.equal([
      [2, '2026-03-02T00:00:00.000Z'],
    ]);
  });

  it('stays incomplete while a segment cannot be written for damage', async () => {
    await open();
    await damage(() => '');
    const mended = await open();
    const damaged = segment(1, { quarantined: [[1, 1]] }, new DamagedError('/data/segments/000001', 'a test'));
    expect(await recoverQuarantine(mended, [damaged])).to.equal(false);
    expect(mended.isIncomplete).to.equal(true);
  });

  it('that is whole leaves the segments alone', async () => {
    const hit = segment(1, { deliveredSeq: 5, quarantined: [[2, 2]] });
    expect(await recoverQuarantine(await open(), [hit])).to.equal(false);
    expect(hit.delivery.quarantined).to.deep.equal([[2, 2]]);
  });
});
