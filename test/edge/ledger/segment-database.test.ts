import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { DamagedError } from '../../../edge/ledger/damaged-error.js';
import { SegmentDatabase } from '../../../edge/ledger/segment-database.js';
import { AppError } from '../../../shared/app-error.js';
import { DOC_COUNT_KEY, documentKey, sequenceKey, UPDATE_SEQ_KEY } from '../../../shared/pouchdb-layout.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { FailingReads, READS } from './failing-reads.js';
import { FaultyDisk } from './faulty-leveldown.js';
import { tamper } from './raw-store.js';
import { readings } from './segment-documents.js';

const DOCUMENTS = 30;
const ids = readings(1, DOCUMENTS).map(({ id }) => id);
const everything = { startId: '', endId: '\uffff', descending: false, limit: DOCUMENTS + 1 };

/** Every way to ask, and how many things are in a whole answer. */
const QUESTIONS: Record<string, (database: SegmentDatabase) => Promise<number>> = {
  revisions: async (database) => (await database.revisions(ids)).size,
  entriesAfter: async (database) => (await database.entriesAfter(0, DOCUMENTS, DOCUMENTS + 1)).length,
  readRange: async (database) => (await database.readRange(everything)).length,
  firstId: async (database) => ((await database.firstId('', '\uffff')) === ids[0] ? DOCUMENTS : 0),
  allIds: async (database) => {
    let count = 0;
    for await (const some of database.allIds()) count += some.length;
    return count;
  },
  rawEntries: async (database) =>
    (await database.rawEntries({ gt: documentKey(''), lt: documentKey('\uffff') })).length,
  rawValues: async (database) => (await database.rawValues(ids.map(documentKey))).filter(Boolean).length,
  readLocal: async (database) => ((await database.readLocal('segment')) === undefined ? 0 : DOCUMENTS),
};

describe("a segment's database", () => {
  let open: SegmentDatabase[] = [];
  afterEach(async () => {
    for (const database of open.splice(0)) await database.close();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    open = [];
    const database = await SegmentDatabase.open(folder.path);
    await database.write(readings(1, DOCUMENTS));
    await database.writeLocal('segment', { number: 1 });
    await database.close();
  });

  const openDatabase = async (leveldown?: unknown): Promise<SegmentDatabase> => {
    const database = await SegmentDatabase.open(folder.path, leveldown === undefined ? {} : { leveldown });
    open.push(database);
    return database;
  };
  const outcome = async (asked: Promise<unknown>): Promise<unknown> =>
    asked.catch((error: unknown) => (error instanceof DamagedError ? 'damaged' : error));

  for (const [name, ask] of Object.entries(QUESTIONS)) {
    it(`${name} answers wholly or not at all, whichever read fails below, and not again before it is reopened`, async () => {
      const outcomes: unknown[] = [];
      for (const read of READS) {
        for (const at of [0, 1, 2, 7, DOCUMENTS]) {
          const disk = new FailingReads();
          const database = await openDatabase(disk.leveldown);
          disk.arm((kind, count) => kind === read && count === at);
          const answer = await outcome(ask(database));
          outcomes.push(answer);
          if (answer === 'damaged') {
            expect(database.readFailure?.message).to.contain('Input/output error');
            for (const again of Object.values(QUESTIONS)) expect(await outcome(again(database))).to.equal('damaged');
          }
          await database.close();
          open = [];
        }
      }
      expect(new Set(outcomes)).to.deep.equal(new Set(['damaged', DOCUMENTS]));
    });
  }

  it('does not open where a read fails meanwhile', async () => {
    for (const read of READS) {
      const disk = new FailingReads();
      let failed = false;
      disk.arm((kind) => {
        failed ||= kind === read;
        return kind === read;
      });
      const refused = await openDatabase(disk.leveldown).then(
        () => 'none',
        (error: unknown) => (error instanceof AppError ? error.code : String(error)),
      );
      expect(refused, read).to.equal(failed ? 'storage_failed' : 'none');
      for (const database of open.splice(0)) await database.close();
    }
    expect(await QUESTIONS.readRange?.(await openDatabase())).to.equal(DOCUMENTS);
  });

  describe('with values that are not what was written', () => {
    const id = ids[4] ?? '';
    for (const garbage of ['', '{', '{"_id":', '[]', 'null', '5', '"x"', '{}', '\u0000\u0001', '{"id":5,"rev":[]}']) {
      it(`says so where the document is asked for by its id, and leaves it out as a gap (${JSON.stringify(garbage)})`, async () => {
        await tamper(folder.path, { [sequenceKey(5)]: garbage });
        const database = await openDatabase();
        expect(await outcome(database.readRange(everything))).to.equal('damaged');
        const entries = await database.entriesAfter(0, DOCUMENTS, DOCUMENTS);
        expect(entries.map(({ localSeq }) => localSeq)).to.deep.equal(
          Array.from({ length: DOCUMENTS }, (_, index) => index + 1).filter((n) => n !== 5),
        );
        expect((await database.revisions(ids)).size).to.equal(DOCUMENTS);
      });

      it(`never takes a document for unknown whose entry cannot be read (${JSON.stringify(garbage)})`, async () => {
        await tamper(folder.path, { [documentKey(id)]: garbage });
        const database = await openDatabase();
        expect(await outcome(database.revisions([id]))).to.equal('damaged');
        expect(await outcome(database.readRange(everything))).to.equal('damaged');
      });
    }

    it('takes what PouchDB keeps for itself for damaged, too', async () => {
      await tamper(folder.path, { 'ÿlocal-storeÿ_local/segment': '{"number":' });
      const database = await openDatabase();
      expect(await outcome(database.readLocal('segment'))).to.equal('damaged');
      expect(await outcome(database.writeLocal('segment', {}))).to.equal('damaged');
    });

    it('finds an entry that is another one, or points to another document', async () => {
      const other = readings(6, 6)[0];
      for (const entry of [
        { id: other?.id, rev: other?.revision, seq: 6 },
        { id, rev: '1-abc', seq: 5 },
        { id, rev: readings(5, 5)[0]?.revision, seq: 6 },
      ]) {
        await tamper(folder.path, { [documentKey(id)]: JSON.stringify(entry) });
        const database = await openDatabase();
        expect(await outcome(database.readRange(everything))).to.equal('damaged');
        await database.close();
        open = [];
      }
    });
  });

  for (const [what, changes] of Object.entries({
    'a sequence too low': { [UPDATE_SEQ_KEY]: '29' },
    'a sequence too high': { [UPDATE_SEQ_KEY]: '31' },
    'no sequence': { [UPDATE_SEQ_KEY]: undefined },
    'a sequence that is no number': { [UPDATE_SEQ_KEY]: '"x"' },
    'no last document': { [sequenceKey(DOCUMENTS)]: undefined },
    'a document behind the last': { [sequenceKey(DOCUMENTS + 1)]: '{}' },
    'a key that cannot be read': { 'ÿby-sequenceÿ000000000000z': '{}' },
    'a number of documents that is none': { [DOC_COUNT_KEY]: '"x"' },
  })) {
    it(`is damaged where counters and documents disagree, and its sequence never begins anew: ${what}`, async () => {
      await tamper(folder.path, changes);
      expect(await outcome(openDatabase())).to.equal('damaged');
      expect(await outcome(openDatabase())).to.equal('damaged');
    });
  }

  it('writes nothing after a failed write until it is opened anew, and goes on behind what is stored then', async () => {
    const disk = new FaultyDisk();
    const database = await openDatabase(disk.leveldown);
    const failing = disk.writes.length;
    disk.faultAt = (_, index) => (index === failing ? { lands: false } : undefined);
    const more = readings(DOCUMENTS + 1, DOCUMENTS + 2);
    for (let n = 0; n < 3; n++) {
      expect(String(await outcome(database.write(more)))).to.contain('Input/output error');
      expect(database.lastLocalSeq).to.equal(DOCUMENTS);
    }
    expect(database.writeFailure).to.be.instanceOf(Error);
    expect((await database.entriesAfter(0, DOCUMENTS + 2, 99)).length).to.equal(DOCUMENTS);
    await database.close();
    open = [];
    const again = await openDatabase();
    await again.write(more);
    expect((await again.entriesAfter(DOCUMENTS, DOCUMENTS + 9, 9)).map(({ localSeq }) => localSeq)).to.deep.equal([
      31, 32,
    ]);
  });

  it('syncs every batch of documents', async () => {
    const disk = new FaultyDisk();
    const database = await openDatabase(disk.leveldown);
    const before = disk.writes.length;
    await database.write(readings(DOCUMENTS + 1, DOCUMENTS + 9));
    await database.writeLocal('delivery', {});
    expect(disk.writes.slice(before).map(({ sync }) => sync)).to.deep.equal([true, true]);
  });

  it('keeps everything when its log is made a table', async () => {
    const database = await openDatabase();
    await database.flush();
    for (const ask of Object.values(QUESTIONS)) expect(await ask(database)).to.equal(DOCUMENTS);
  });
});
