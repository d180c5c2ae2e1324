import { expect } from 'chai';
import { describe, it } from 'mocha';
import { waitFor } from '../../support/wait-for.js';
import { DAY_MS, daysAgo, keeperOverShelf, MB, NOW } from './fake-shelf.js';

const BUFFER_FULL =
  'storage_full: the store has reached BUFFER_MAX_MB (100 MB), and nothing the centre has confirmed is left to delete: a link to the centre helps, or a larger BUFFER_MAX_MB; nothing was stored';
const DISK_FULL =
  'storage_full: the disk has less than MIN_FREE_MB (10 MB) left, and nothing the centre has confirmed is left to delete: a link to the centre helps, or deleting other files on that disk; nothing was stored';

describe('the space keeper, for age', () => {
  it('deletes what was sealed RETENTION_DAYS ago and not before', async () => {
    const { shelf, clock, apply } = keeperOverShelf({ retentionDays: 7 });
    shelf.add(MB, { sealedAt: daysAgo(7), confirmedAt: daysAgo(1) });
    clock.nowMs = NOW - 1;
    expect((await apply()).segments).to.equal(0);
    clock.nowMs = NOW;
    expect((await apply()).segments).to.equal(1);
    expect(shelf.dropped).to.deep.equal([1]);
  });

  it('with RETENTION_DAYS 0 deletes a segment as soon as it is confirmed', async () => {
    const { shelf, apply } = keeperOverShelf({ retentionDays: 0 });
    const segment = shelf.add(MB, { sealedAt: daysAgo(0) });
    await apply();
    expect(shelf.dropped).to.deep.equal([]);
    segment.confirmedAt = daysAgo(0);
    await apply();
    expect(shelf.dropped).to.deep.equal([1]);
  });

  it('deletes the oldest first, and passes by what is not confirmed', async () => {
    const { shelf, apply } = keeperOverShelf();
    for (const days of [40, 30, 20, 10]) shelf.add(MB, { sealedAt: daysAgo(days), confirmedAt: daysAgo(1) });
    shelf.add(MB, { sealedAt: daysAgo(9) });
    shelf.add(MB, { sealedAt: daysAgo(8), confirmedAt: daysAgo(1) });
    await apply();
    expect([shelf.dropped, shelf.violations]).to.deep.equal([[1, 2, 3, 4, 6], []]);
  });

  it('deletes nothing while the clock is unsure', async () => {
    const { shelf, clock, apply, keeper } = keeperOverShelf();
    shelf.add(MB, { sealedAt: daysAgo(10), confirmedAt: daysAgo(1) });
    shelf.add(MB, { sealedAt: daysAgo(9), confirmedAt: daysAgo(9) });
    clock.sure = false;
    expect((await apply()).kept).to.deep.equal({ unconfirmed: 0, notDue: 2, open: 1 });
    expect(keeper.segmentsToConfirmAgain()).to.deep.equal([]);
    clock.sure = true;
    await apply();
    expect(shelf.dropped).to.deep.equal([1]);
  });

  it('keeps what was confirmed more than 48 hours ago, names it, and deletes it once it is confirmed anew', async () => {
    const { shelf, apply, keeper } = keeperOverShelf();
    const stale = shelf.add(MB, { sealedAt: daysAgo(10), confirmedAt: new Date(NOW - 2 * DAY_MS - 1).toISOString() });
    shelf.add(MB, { sealedAt: daysAgo(5), confirmedAt: daysAgo(5) });
    expect((await apply()).kept).to.deep.equal({ unconfirmed: 1, notDue: 1, open: 1 });
    expect(keeper.segmentsToConfirmAgain().map(({ number }) => number)).to.deep.equal([stale.number]);
    stale.confirmedAt = daysAgo(2);
    expect(keeper.segmentsToConfirmAgain()).to.deep.equal([]);
    await apply();
    expect(shelf.dropped).to.deep.equal([stale.number]);
  });

  it('keeps what was confirmed before the centre may have become another, until it is confirmed anew', async () => {
    const { shelf, clock, apply, keeper } = keeperOverShelf();
    const before = shelf.add(MB, { sealedAt: daysAgo(10), confirmedAt: daysAgo(1) });
    shelf.add(MB, { sealedAt: daysAgo(1), confirmedAt: daysAgo(1) });
    keeper.doubtConfirmations();
    await apply();
    expect(shelf.dropped).to.deep.equal([]);
    expect(keeper.segmentsToConfirmAgain().map(({ number }) => number)).to.deep.equal([before.number]);
    before.confirmedAt = new Date(clock.nowMs).toISOString();
    expect(keeper.segmentsToConfirmAgain()).to.deep.equal([]);
    await apply();
    expect(shelf.dropped).to.deep.equal([before.number]);
  });

  it('believes no confirmation from the future and counts no age from there', async () => {
    const { shelf, apply, keeper } = keeperOverShelf();
    shelf.add(MB, { sealedAt: daysAgo(10), confirmedAt: daysAgo(-1) });
    shelf.add(MB, { sealedAt: daysAgo(-365), confirmedAt: daysAgo(0) });
    await apply();
    expect(shelf.dropped).to.deep.equal([]);
    expect(keeper.segmentsToConfirmAgain().map(({ number }) => number)).to.deep.equal([1]);
  });
});

describe('the space keeper, for space', () => {
  it('at BUFFER_MAX_MB deletes the oldest confirmed, however young or stale, until the store is below 95 %', async () => {
    const { shelf, apply, clock } = keeperOverShelf();
    clock.sure = false;
    shelf.add(20 * MB);
    shelf.add(5 * MB, { confirmedAt: daysAgo(30) });
    shelf.add(20 * MB);
    for (let n = 0; n < 3; n++) shelf.add(18 * MB, { confirmedAt: daysAgo(0) });
    expect((await apply()).segments).to.equal(0);
    shelf.last.bytes = MB;
    const { segments, documents, bytes, usedBytes, kept } = await apply();
    // 100 MB, then 95 MB, which is not below 95 %, then 77 MB.
    expect(shelf.dropped).to.deep.equal([2, 4]);
    expect([segments, documents, bytes, usedBytes]).to.deep.equal([2, 200, 23 * MB, 77 * MB]);
    expect(kept).to.deep.equal({ unconfirmed: 2, notDue: 2, open: 1 });
  });

  it('below MIN_FREE_MB deletes the oldest confirmed until there is enough', async () => {
    const { shelf, apply, disk } = keeperOverShelf();
    for (let n = 0; n < 4; n++) shelf.add(3 * MB, { confirmedAt: daysAgo(0) });
    shelf.onDrop = ({ bytes }) => {
      disk.freeBytes += bytes;
    };
    disk.freeBytes = 10 * MB;
    await apply();
    expect(shelf.dropped).to.deep.equal([]);
    disk.freeBytes = 6 * MB;
    await apply();
    expect(shelf.dropped).to.deep.equal([1, 2]);
  });

  it('refuses new data only when nothing confirmed is left, says why and what helps, and takes it again', async () => {
    const { shelf, apply, refusal, keeper, lines } = keeperOverShelf();
    const first = shelf.add(60 * MB);
    shelf.add(40 * MB);
    await apply();
    expect(await refusal()).to.equal(BUFFER_FULL);
    expect(keeper.refusal).to.contain('BUFFER_MAX_MB');
    first.confirmedAt = daysAgo(0);
    // Something can be deleted: the data may come while that is done.
    expect([await refusal(), keeper.refusal]).to.deep.equal([undefined, undefined]);
    await waitFor(() => shelf.dropped.length === 1, { what: 'the cleanup that a request began' });
    await apply();
    expect(await refusal()).to.equal(undefined);
    expect(lines.map(({ level, message }) => `${level} ${message}`)).to.deep.equal([
      `warn new data is refused: ${BUFFER_FULL.replace('storage_full: ', '').replace('; nothing was stored', '')}`,
      'info a confirmed segment was deleted',
      'info there is room again; new data is taken',
    ]);
  });

  it('takes new data also while the last segment that can go is being deleted', async () => {
    const { shelf, monitor, apply, refusal } = keeperOverShelf();
    shelf.add(100 * MB, { confirmedAt: daysAgo(0) });
    const refusals: (string | undefined)[] = [];
    shelf.whileFilesGo = async () => void refusals.push(await refusal());
    monitor.onLook(() => void refusal().then((one) => refusals.push(one)));
    await apply();
    expect(shelf.dropped).to.deep.equal([1]);
    expect(refusals).to.deep.equal([undefined, undefined, undefined]);
  });

  it('refuses new data when the last segment that could go is gone and did not suffice', async () => {
    const { shelf, apply, refusal } = keeperOverShelf();
    shelf.add(100 * MB);
    shelf.add(20 * MB, { confirmedAt: daysAgo(0) });
    await apply();
    expect([shelf.dropped, await refusal()]).to.deep.equal([[2], BUFFER_FULL]);
  });

  it('recovers by itself when the disk has room again', async () => {
    const { shelf, apply, refusal, disk } = keeperOverShelf();
    shelf.add(MB);
    disk.freeBytes = 10 * MB - 1;
    await apply();
    expect(await refusal()).to.equal(DISK_FULL);
    disk.freeBytes = 10 * MB;
    await apply();
    expect(await refusal()).to.equal(undefined);
  });

  it('meets the limit between two looks, by what was written, and measures before it refuses', async () => {
    const { shelf, monitor, apply, refusal } = keeperOverShelf();
    shelf.last.count = 1;
    shelf.last.bytes = 40 * MB;
    await apply();
    expect(await refusal()).to.equal(undefined);
    // It takes less on the disk than was written.
    monitor.noteWritten(60 * MB);
    expect(await refusal()).to.equal(undefined);
    expect([monitor.usedBytes, monitor.notedBytes, shelf.rollsAsked]).to.deep.equal([40 * MB, 0, 0]);
    monitor.noteWritten(60 * MB);
    shelf.last.bytes = 100 * MB;
    expect(await refusal()).to.equal(BUFFER_FULL);
  });

  it('measures once for all requests that come while it does, and refuses by the last figures when it cannot', async () => {
    const { shelf, monitor, disk, refusal } = keeperOverShelf();
    let looks = 0;
    monitor.onLook(() => looks++);
    shelf.last.bytes = MB;
    monitor.noteWritten(100 * MB);
    const answers = await Promise.all(Array.from({ length: 50 }, refusal));
    expect([new Set(answers), looks]).to.deep.equal([new Set([undefined]), 1]);
    monitor.noteWritten(100 * MB);
    disk.failure = new Error('the disk does not answer');
    expect(await refusal()).to.equal(BUFFER_FULL);
  });

  it('asks once that the open segment be sealed when it alone holds what could go, and not while it is empty', async () => {
    const { shelf, apply, clock } = keeperOverShelf();
    shelf.add(100 * MB);
    await apply();
    expect(shelf.rollsAsked).to.equal(0);
    shelf.last.count = 5;
    await apply();
    await apply();
    expect(shelf.rollsAsked).to.equal(1);
    // Whoever was asked may have failed.
    clock.monotonicMs += 60_000;
    await apply();
    expect(shelf.rollsAsked).to.equal(2);
  });

  it('asks for no roll while there is room or something to delete', async () => {
    const { shelf, apply } = keeperOverShelf();
    shelf.last.count = 5;
    await apply();
    shelf.add(50 * MB, { confirmedAt: daysAgo(0) });
    shelf.last.count = 5;
    shelf.last.bytes = 50 * MB;
    await apply();
    expect([shelf.dropped, shelf.rollsAsked]).to.deep.equal([[1], 0]);
  });
});

describe('the space keeper, when a deletion fails', () => {
  it('goes on with the next, tells of it once, and tries again at the next look', async () => {
    const { shelf, apply, lines } = keeperOverShelf();
    for (let n = 0; n < 3; n++) shelf.add(35 * MB, { confirmedAt: daysAgo(0) });
    shelf.undeletable.set(1, 'the disk does not answer');
    const report = await apply();
    expect(shelf.dropped).to.deep.equal([2]);
    expect(report.failed).to.deep.equal([{ segment: 1, message: 'the disk does not answer' }]);
    expect(report.kept).to.deep.equal({ unconfirmed: 0, notDue: 1, open: 1 });
    shelf.last.bytes = 30 * MB;
    await apply();
    expect(shelf.dropped).to.deep.equal([2, 3]);
    const warnings = lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ segment, error }) => [segment, error])).to.deep.equal([[1, 'the disk does not answer']]);
    shelf.undeletable.clear();
    shelf.last.bytes = 65 * MB;
    const last = await apply();
    expect([shelf.dropped, last.failed]).to.deep.equal([[2, 3, 1], undefined]);
  });

  it('refuses new data when what is confirmed cannot be deleted', async () => {
    const { shelf, apply, refusal } = keeperOverShelf();
    shelf.add(100 * MB, { confirmedAt: daysAgo(0) });
    shelf.undeletable.set(1, 'the disk does not answer');
    await apply();
    expect(await refusal()).to.equal(BUFFER_FULL);
    shelf.undeletable.clear();
    await apply();
    expect(await refusal()).to.equal(undefined);
  });
});

describe('a cleanup of all that is confirmed', () => {
  it('deletes every confirmed segment whatever its age, the clock or the space, and nothing else', async () => {
    const { shelf, keeper, clock } = keeperOverShelf();
    clock.sure = false;
    shelf.add(3 * MB, { confirmedAt: daysAgo(300) });
    shelf.add(4 * MB);
    shelf.add(5 * MB, { confirmedAt: daysAgo(0) });
    Object.assign(shelf.last, { bytes: MB, count: 7 });
    expect(await keeper.cleanup({ allConfirmed: true })).to.deep.equal({
      ...{ segments: 2, documents: 200, bytes: 8 * MB, usedBytes: 5 * MB },
      kept: { unconfirmed: 1, notDue: 0, open: 1 },
    });
    expect([shelf.dropped, shelf.violations, shelf.rollsAsked]).to.deep.equal([[1, 3], [], 0]);
  });

  it('never deletes the last segment, which is open for writing whatever its record says', async () => {
    const { shelf, keeper } = keeperOverShelf();
    Object.assign(shelf.last, { bytes: MB, count: 7, sealedAt: daysAgo(9), confirmedAt: daysAgo(0) });
    expect((await keeper.cleanup({ allConfirmed: true })).kept).to.deep.equal({ unconfirmed: 0, notDue: 0, open: 1 });
    expect([shelf.dropped, shelf.violations]).to.deep.equal([[], []]);
  });

  it('waits for one under way, so that nothing is counted twice', async () => {
    const { shelf, keeper } = keeperOverShelf();
    for (let n = 0; n < 5; n++) shelf.add(MB, { confirmedAt: daysAgo(0) });
    const reports = await Promise.all([1, 2].map(() => keeper.cleanup({ allConfirmed: true })));
    expect(reports.map(({ segments }) => segments)).to.deep.equal([5, 0]);
  });
});
