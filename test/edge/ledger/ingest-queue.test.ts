import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { AppError } from '../../../shared/app-error.js';
import type { PostedDocument } from '../../../shared/documents.js';
import { type Clock, formatInstant } from '../../../shared/time.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { FaultyDisk } from './faulty-leveldown.js';
import { everything, openStore, type Store, type StoreOptions, upTo } from './store-under-test.js';

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');

function reading(n: number, fields: Record<string, number> = { powerW: n }): PostedDocument {
  return { type: 'reading', fields: { device: 'm1', at: formatInstant(EPOCH + n * 1000), ...fields } };
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'stored',
    (error: unknown) => (error instanceof AppError ? error.code : error),
  );

describe('the ingest queue', () => {
  const open: Store[] = [];

  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  const folder = useTempFolder();

  async function store(options: Partial<StoreOptions> = {}): Promise<Store> {
    const opened = await openStore({ folder: folder.path, ...options });
    open.push(opened);
    return opened;
  }

  for (const segmentMaxDocs of [200_000, 7]) {
    it(`stores many concurrent requests in few synced batches, and answers each after its own (rolls at ${segmentMaxDocs})`, async () => {
      const disk = new FaultyDisk();
      const { ingest, ledger } = await store({ leveldown: disk.leveldown, segmentMaxDocs });
      const before = disk.writes.length;
      const answered = await Promise.all(
        upTo(200).map(async (n) => {
          const { accepted } = await ingest.submit([reading(n)], false);
          return { accepted, atMs: performance.now() };
        }),
      );
      const writes = disk.writes.slice(before);
      expect(writes.length).to.be.within(1, 20);
      expect(disk.writes.filter(({ sync }) => !sync)).to.deep.equal([]);
      expect(answered.every(({ accepted }) => accepted === 1)).to.equal(true);
      const lastWriteMs = Math.max(...writes.map(({ acknowledgedMs }) => acknowledgedMs ?? Number.POSITIVE_INFINITY));
      expect(Math.max(...answered.map(({ atMs }) => atMs))).to.be.at.least(lastWriteMs);
      expect((await everything(ledger)).map(({ seq }) => seq)).to.deep.equal(upTo(200));
    });
  }

  it('answers nothing before the disk has it', async () => {
    const disk = new FaultyDisk();
    const { ingest } = await store({ leveldown: disk.leveldown });
    let openGate = () => {};
    disk.gate = new Promise<void>((resolve) => {
      openGate = resolve;
    });
    let answered = false;
    const before = disk.writes.length;
    const answer = ingest.submit([reading(1)], false).then(() => {
      answered = true;
    });
    await waitFor(() => disk.writes.length > before, { what: 'the write to reach the disk' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answered).to.equal(false);
    disk.gate = undefined;
    openGate();
    await answer;
  });

  it('says busy, with the time to wait, instead of growing without bound, and takes more afterwards', async () => {
    const disk = new FaultyDisk();
    const { ingest, ledger } = await store({ leveldown: disk.leveldown });
    let openGate = () => {};
    disk.gate = new Promise<void>((resolve) => {
      openGate = resolve;
    });
    // One document many times over: it is the queue that is to be full, not the disk.
    const many = (n: number) => upTo(20_000).map(() => reading(n));
    const writes = disk.writes.length;
    const first = ingest.submit(many(1), false);
    await waitFor(() => disk.writes.length > writes, { what: 'the first to be on its way to the disk' });
    const taken = [first, ...[2, 3].map((n) => ingest.submit(many(n), false))];
    const refused = await ingest.submit(many(4), false).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(AppError).with.property('code', 'busy');
    expect((refused as AppError).retryAfterS).to.be.greaterThan(0);
    disk.gate = undefined;
    openGate();
    await Promise.all(taken);
    await ingest.submit([reading(99_999)], false);
    expect(ledger.lastSeq).to.equal(4);
  });

  it('stores what it has taken before it closes, and takes nothing more', async () => {
    const { ingest, ledger } = await store();
    const taken = upTo(30).map((n) => codeOf(ingest.submit([reading(n)], false)));
    // A request is taken once there is known to be space for it.
    await setImmediate();
    const closed = ingest.close();
    expect(await codeOf(ingest.submit([reading(31)], false))).to.equal('busy');
    await closed;
    expect(new Set(await Promise.all(taken))).to.deep.equal(new Set(['stored']));
    expect(ledger.lastSeq).to.equal(30);
  });

  it('tells apart, within one group, what repeats and what contradicts a request before it', async () => {
    const { ingest, ledger } = await store();
    const results = await Promise.all([
      codeOf(ingest.submit([reading(1)], false)),
      ingest.submit([reading(1), reading(2)], false),
      codeOf(ingest.submit([reading(3), reading(2, { powerW: -1 })], false)),
      ingest.submit([reading(2, { powerW: -1 }), reading(3), reading(3)], true),
    ]);
    expect(results[0]).to.equal('stored');
    expect(results[1]).to.include({ accepted: 1, duplicates: 1 });
    expect(results[2]).to.equal('conflict');
    expect(results[3]).to.include({ accepted: 1, duplicates: 1 });
    expect(results[3].refused.map(({ index, code }) => [index, code])).to.deep.equal([[0, 'conflict']]);
    expect(ledger.lastSeq).to.equal(3);
  });

  it('gives documents without a time now, and the next free millisecond when that is taken', async () => {
    const clock: Clock = { now: () => EPOCH, monotonic: () => 0 };
    const { ingest, ledger } = await store({ clock });
    const untimed = (powerW: number): PostedDocument => ({ type: 'reading', fields: { device: 'm1', powerW } });
    await ingest.submit([{ type: 'reading', fields: { device: 'm1', at: formatInstant(EPOCH), powerW: 9 } }], false);
    await ingest.submit(
      [{ type: 'reading', fields: { device: 'm1', at: formatInstant(EPOCH + 3), powerW: 9 } }],
      false,
    );
    const burst = [untimed(1), untimed(1), untimed(2)];
    expect(await ingest.submit(burst, false)).to.include({ accepted: 3, duplicates: 0 });
    const other: PostedDocument = { type: 'reading', fields: { device: 'm2', powerW: 1 } };
    await ingest.submit([other], false);
    const times = (await everything(ledger)).map(({ device, at }) => `${device} ${Date.parse(at) - EPOCH}`);
    expect(times.sort()).to.deep.equal(['m1 0', 'm1 1', 'm1 2', 'm1 3', 'm1 4', 'm2 0']);
  });

  it('follows a clock that is set back instead of staying in the future', async () => {
    let nowMs = EPOCH + 86_400_000;
    const { ingest, ledger } = await store({ clock: { now: () => nowMs, monotonic: () => 0 } });
    const untimed: PostedDocument = { type: 'reading', fields: { device: 'm1', powerW: 1 } };
    await ingest.submit([untimed], false);
    nowMs = EPOCH;
    await ingest.submit([untimed], false);
    const documents = await everything(ledger);
    expect(documents.map(({ at }) => Date.parse(at) - EPOCH)).to.deep.equal([86_400_000, 0]);
    expect(documents.map(({ clock }) => clock)).to.deep.equal([undefined, 'unsure']);
  });

  it('numbers its own events like everything else, each under an id never given twice', async () => {
    const first = await store();
    await first.ingest.submitEvent('boot', { version: '1' });
    await first.ingest.submitEvent('clock-step');
    await first.close();
    open.length = 0;
    const second = await store();
    await second.ingest.submitEvent('boot');
    const { node } = second.state;
    expect((await everything(second.ledger)).map(({ _id, seq, boot, event }) => [_id, seq, boot, event])).to.deep.equal(
      [
        [`kano:e:${node}:1-1`, 1, 1, 'boot'],
        [`kano:e:${node}:1-2`, 2, 1, 'clock-step'],
        [`kano:e:${node}:2-1`, 3, 2, 'boot'],
      ],
    );
  });

  it('stores nothing while there is no space', async () => {
    let full = true;
    const { ingest, ledger } = await store({
      assertSpace: async () => {
        if (full) throw new AppError('storage_full', 'the disk is full');
      },
    });
    expect(await codeOf(ingest.submit([reading(1)], false))).to.equal('storage_full');
    expect(ledger.lastSeq).to.equal(0);
    full = false;
    expect(await codeOf(ingest.submit([reading(1)], false))).to.equal('stored');
  });
});
