import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { AcknowledgedMark } from '../../../edge/ledger/acknowledged-mark.js';
import { countNumbers, withoutRanges } from '../../../edge/ledger/number-ranges.js';
import { Segment } from '../../../edge/ledger/segment.js';
import { checkSegment } from '../../../edge/ledger/segment-check.js';
import { loadSegments } from '../../../edge/ledger/segment-loading.js';
import type { SegmentRecord } from '../../../edge/ledger/segment-record.js';
import { REPAIR_STEPS, type RepairOptions, repairSegment } from '../../../edge/ledger/segment-repair.js';
import { documentKey, sequenceKey, UUID_KEY } from '../../../shared/pouchdb-layout.js';
import { itWithSeed } from '../../support/seeds.js';
import { DAMAGES, damageFile } from './damaged-files.js';
import { dump, tamper } from './raw-store.js';
import { NODE, parsed, readings } from './segment-documents.js';
import { NOW, useSegments } from './segment-under-test.js';

const LATER = '2026-03-03T00:00:00.000Z';

describe('the repair of a segment', () => {
  const segments = useSegments();

  const optionsFor = (segment: Segment): RepairOptions => ({
    folder: segment.folder,
    damagedRoot: path.join(segments.root, 'damaged'),
    damagedMaxBytes: 1e9,
    expected: segment.record,
    nowText: LATER,
  });
  const repair = async (segment: Segment, options: Partial<RepairOptions> = {}) => {
    await segment.close();
    return repairSegment({ ...optionsFor(segment), ...options });
  };
  const load = async (folder: string): Promise<Segment> => {
    const segment = await Segment.load(segments.databases, folder);
    if (!segment) throw new Error('the segment is there');
    return segment;
  };
  /** Documents by local sequence, as they are stored. */
  const stored = async (segment: Segment) =>
    new Map(
      (await segment.entriesAfter(0, segment.count + 1)).map(({ localSeq, document }) => [localSeq, document] as const),
    );
  /** Changes a stored value of a closed segment. */
  const change = async (segment: Segment, changes: Record<string, string | undefined>) => {
    await segment.close();
    await tamper(segment.folder, changes);
  };

  it('changes nothing in a sound segment: documents, entries, checkpoints, delivery and identity stay', async () => {
    const segment = await segments.make(1203, { firstSeq: 11 });
    await segment.writeDelivery({ deliveredSeq: 700, void: [[12, 13]], quarantined: [[20, 20]], lost: [] });
    await segment.writeCheckpoint('_local/abc=', { last_seq: 700, history: [{ session_id: 'x' }] });
    await segment.seal(NOW, segment.lastSeq);
    const { delivery, record } = segment;
    const id = await segment.databaseId();
    await segment.close();
    const before = await dump(segment.folder);
    expect(await repair(segment)).to.deep.equal({ kept: 1203, lost: [] });
    const after = await dump(segment.folder);
    const telemetryOf = (all: Map<string, string>) => [...all].filter(([key]) => !key.startsWith('ÿlocal-storeÿ'));
    expect(telemetryOf(after)).to.deep.equal(telemetryOf(before));
    expect(after.get(UUID_KEY)).to.be.a('string');
    const mended = await load(segment.folder);
    expect(mended.delivery).to.deep.include(delivery);
    const { spans: _, ...rest } = record;
    expect(mended.record).to.deep.include(rest);
    expect(await mended.databaseId()).to.equal(id);
    expect(await mended.readCheckpoint('_local/abc=')).to.deep.include({
      last_seq: 700,
      history: [{ session_id: 'x' }],
    });
    // A record of its own can be written on: its revision is one that PouchDB knows.
    await mended.confirm(LATER);
    expect((await checkSegment(mended))?.ok).to.equal(true);
  });

  itWithSeed(
    'drops what one bit was changed in, keeps all else at its place, and counts exactly that',
    async (random) => {
      const segment = await segments.make(200, { firstSeq: 5 });
      await segment.seal(NOW, 204);
      const documents = readings(5, 204);
      const changes: Record<string, string> = {};
      const dropped: number[] = [];
      for (const [index, document] of documents.entries()) {
        if (random.chance(0.6)) continue;
        const bytes = Buffer.from(document.json);
        const at = random.integer(0, bytes.length - 1);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.integer(0, 6));
        const json = bytes.toString();
        changes[sequenceKey(index + 1)] = json;
        // The content is proven by the revision, its name and number by its place; the count of boots proves itself not.
        const isBoot = JSON.stringify({ ...parsedOrNone(json), boot: 1 }) === JSON.stringify(parsed(document));
        if (!isBoot) dropped.push(index + 1);
      }
      await change(segment, changes);
      const { kept, lost } = await repair(segment);
      expect([kept, countNumbers(lost)]).to.deep.equal([200 - dropped.length, dropped.length]);
      const mended = await load(segment.folder);
      const places = [...(await stored(mended)).keys()];
      expect(places).to.deep.equal(documents.map((_, index) => index + 1).filter((place) => !dropped.includes(place)));
      expect(mended.delivery.lost).to.deep.equal(lost);
      expect(
        withoutRanges(
          lost,
          dropped.map((place) => [place + 4, place + 4]),
        ),
      ).to.deep.equal([]);
      expect((await checkSegment(mended))?.ok).to.equal(true);
    },
  );

  it('counts as lost what is missing and accounted for nowhere, once, however often it is repaired', async () => {
    const segment = await segments.make(20, { firstSeq: 101 });
    await segment.writeDelivery({ deliveredSeq: 4, void: [[106, 106]], quarantined: [[108, 108]], lost: [[110, 110]] });
    await segment.seal(NOW, 123);
    const gone = [2, 6, 8, 10, 11, 13, 14, 20];
    await change(segment, Object.fromEntries(gone.map((n) => [sequenceKey(n), undefined])));
    const lost = [
      [110, 110],
      [111, 111],
      [113, 114],
      [120, 123],
    ];
    for (let n = 0; n < 3; n++) expect(await repair(segment)).to.deep.equal({ kept: 12, lost });
    const mended = await load(segment.folder);
    expect(mended.lost).to.equal(8);
    expect((await checkSegment(mended))?.missing).to.deep.equal([]);
  });

  it('forgets the entries of documents that are gone: one that is sent again is taken', async () => {
    const segment = await segments.make(9);
    await segment.seal(NOW, 9);
    await change(segment, { [sequenceKey(4)]: '{}', [sequenceKey(9)]: undefined });
    await repair(segment);
    const mended = await load(segment.folder);
    const ids = readings(1, 9).map(({ id }) => id);
    expect([...(await mended.revisions(ids)).keys()]).to.deep.equal(ids.filter((_, n) => n !== 3 && n !== 8));
    expect(mended.lost).to.equal(2);
  });

  it('drops documents whose numbers the next segment has given again, and no others behind the last one known', async () => {
    const segment = await segments.make(9);
    await segment.close();
    expect(await repair(segment, { expected: { ...segment.record, lastSeq: 6 } })).to.deep.equal({ kept: 9, lost: [] });
    expect(await repair(segment, { endSeq: 6 })).to.deep.equal({ kept: 6, lost: [] });
  });

  it('believes the documents, not the record, about whose numbers they carry', async () => {
    const segment = await segments.make(9, { number: 7, firstSeq: 1001 });
    const guess: SegmentRecord = { number: 7, node: 'other1', firstSeq: 1, openedAt: NOW, sealedAt: NOW };
    for (const record of [undefined, JSON.stringify({ ...guess, _id: '_local/segment', _rev: '0-1' })]) {
      await change(segment, { 'ÿlocal-storeÿ_local/segment': record });
      expect(await repair(segment, { expected: guess })).to.deep.equal({ kept: 9, lost: [] });
      const mended = await load(segment.folder);
      expect(mended.record).to.include({ number: 7, node: NODE, firstSeq: 1001, lastSeq: 1009 });
      await mended.close();
    }
  });

  it('believes the record where a document or two say otherwise', async () => {
    const segment = await segments.make(2);
    await segment.seal(NOW, 2);
    const shifted = readings(2, 3).map(({ json }) => json);
    await change(segment, { [sequenceKey(1)]: shifted[0], [sequenceKey(2)]: shifted[1] });
    expect(await repair(segment)).to.deep.equal({ kept: 0, lost: [[1, 2]] });
  });

  it('counts everything as lost where nothing can be read, and leaves an empty segment behind', async () => {
    const segment = await segments.make(50, { firstSeq: 51 });
    await segment.seal(NOW, segment.lastSeq);
    await segment.close();
    for (const name of await readdir(segment.folder)) await writeFile(path.join(segment.folder, name), 'nothing');
    expect(await repair(segment)).to.deep.equal({ kept: 0, lost: [[51, 100]] });
    const mended = await load(segment.folder);
    expect(mended.record).to.include({ number: 1, node: NODE, firstSeq: 51, lastSeq: 100, sealedAt: NOW });
    expect([mended.pending, mended.lost, mended.sealed]).to.deep.equal([0, 50, true]);
  });

  it('sets the damaged files aside as they were', async () => {
    const segment = await segments.make(300);
    await segment.close();
    await rm(path.join(segment.folder, 'CURRENT'));
    const files = async (folder: string) => {
      const names = (await readdir(folder)).filter((name) => name !== 'LOCK').sort();
      return Promise.all(names.map(async (name) => [name, (await readFile(path.join(folder, name))).toString('hex')]));
    };
    const before = await files(segment.folder);
    expect((await repair(segment)).kept).to.equal(300);
    expect(await readdir(path.join(segments.root, 'damaged'))).to.deep.equal(['000001-20260303T000000000Z']);
    expect(await files(path.join(segments.root, 'damaged', '000001-20260303T000000000Z'))).to.deep.equal(before);
    await repair(segment);
    await repair(segment, { damagedMaxBytes: 0 });
    expect(await readdir(path.join(segments.root, 'damaged'))).to.deep.equal([]);
  });

  for (const [index, last] of REPAIR_STEPS.entries()) {
    const crash = async (): Promise<Segment> => {
      const segment = await segments.make(1203);
      await change(segment, { [sequenceKey(700)]: '{}', [documentKey('x')]: undefined });
      const steps: string[] = [];
      const onStep = (step: string) => {
        steps.push(step);
        if (step === last) throw new Error('crash');
      };
      const failure = await repair(segment, { onStep }).catch((error: Error) => error.message);
      expect([failure, steps]).to.deep.equal(['crash', REPAIR_STEPS.slice(0, index + 1)]);
      return segment;
    };

    it(`leaves one complete segment when it is cut off after "${last}"`, async () => {
      await crash();
      const mark: AcknowledgedMark['value'] = { node: NODE, seq: 1203 };
      const store = { node: NODE, acknowledged: mark, nowText: LATER };
      const loaded = await loadSegments(segments.databases, segments.root, store);
      expect(loaded.map(({ number, damage }) => [number, damage])).to.deep.equal([[1, undefined]]);
      expect((await readdir(segments.root)).filter((name) => name !== 'damaged')).to.deep.equal(['000001']);
      const [segment] = loaded;
      if (!segment) throw new Error('the segment is there');
      const isExchanged = index >= REPAIR_STEPS.indexOf('set aside');
      expect([(await stored(segment)).size, segment.lost]).to.deep.equal([1202, isExchanged ? 1 : 0]);
      expect((await checkSegment(segment))?.ok).to.equal(isExchanged);
    });

    it(`succeeds when it is tried again after it failed after "${last}"`, async () => {
      const segment = await crash();
      expect(await repair(segment)).to.deep.equal({ kept: 1202, lost: [[700, 700]] });
      expect((await checkSegment(await load(segment.folder)))?.ok).to.equal(true);
    });
  }

  for (const damage of DAMAGES) {
    itWithSeed(`accounts for every number after damage of its files: ${damage}`, async (random) => {
      for (let round = 0; round < 6; round++) {
        const segment = await segments.make(600, { number: round + 1, firstSeq: 7 });
        await segment.seal(NOW, segment.lastSeq);
        if (random.chance(0.5)) await segment.settle();
        await segment.close();
        const what = await damageFile(segment.folder, damage, random);
        const { kept, lost } = await repair(segment);
        expect(kept + countNumbers(lost), what).to.equal(600);
        const mended = await load(segment.folder);
        for (const [place, document] of await stored(mended)) {
          expect(document, what).to.deep.equal(parsed(readings(place + 6, place + 6)[0] ?? fail()));
        }
        const report = await checkSegment(mended);
        expect(report, what).to.deep.include({ documents: kept, lost, missing: [], damaged: [], ok: true });
        await mended.close();
      }
    });
  }
});

function fail(): never {
  throw new Error('the reading is there');
}

function parsedOrNone(json: string): object {
  try {
    return JSON.parse(json) as object;
  } catch {
    return {};
  }
}
