/** The rules of deletion, whatever happens to the store, the disk and the clock: held against each deletion made. */
import { expect } from 'chai';
import fc from 'fast-check';
import { describe } from 'mocha';
import { itWithSeed } from '../../support/seeds.js';
import { DAY_MS, type FakeSegment, keeperOverShelf, MB, type ShelfUnderTest } from './fake-shelf.js';

const MAX_MB = 100;
const MIN_FREE_MB = 10;
const RETENTION_DAYS = 7;
const HOUR_MS = 3_600_000;

type Step =
  | { kind: 'write'; mb: number }
  | { kind: 'noted'; mb: number }
  | { kind: 'seal' }
  | { kind: 'confirm'; nth: number }
  | { kind: 'hours'; hours: number }
  | { kind: 'clock'; sure: boolean }
  | { kind: 'free'; mb: number }
  | { kind: 'fails'; nth: number }
  | { kind: 'works again' }
  | { kind: 'ask for room' }
  | { kind: 'apply' }
  | { kind: 'delete all confirmed' };

const nth = fc.nat({ max: 5 });
const kind = <K extends string>(name: K) => fc.record({ kind: fc.constant(name) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write'), mb: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('noted'), mb: fc.integer({ min: 0, max: 60 }) }) },
  { weight: 4, arbitrary: kind('seal') },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('confirm'), nth }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('hours'), hours: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clock'), sure: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('free'), mb: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fails'), nth }) },
  { weight: 1, arbitrary: kind('works again') },
  { weight: 2, arbitrary: kind('ask for room') },
  { weight: 5, arbitrary: kind('apply') },
  { weight: 1, arbitrary: kind('delete all confirmed') },
);

/** What was wrong with a deletion of the rules' own choice; worked out from the words of the contract. */
function faultsOf(segment: FakeSegment, { shelf, clock, disk }: ShelfUnderTest, tried: ReadonlySet<number>): string[] {
  const faults: string[] = [];
  const { number, sealedAt, confirmedAt } = segment;
  if (segment === shelf.last) faults.push(`${number} is open for writing`);
  if (!sealedAt || !confirmedAt) faults.push(`${number} is not confirmed`);
  const isOverdue = (one: FakeSegment) =>
    clock.sure &&
    clock.nowMs - Date.parse(one.sealedAt ?? '') >= RETENTION_DAYS * DAY_MS &&
    clock.nowMs - Date.parse(one.confirmedAt ?? '') <= 48 * HOUR_MS;
  // Deletions for space begin at a limit and end below 95 %.
  const isShort = shelf.bytes >= 0.95 * MAX_MB * MB || disk.freeBytes < MIN_FREE_MB * MB;
  if (!isOverdue(segment) && !isShort) faults.push(`${number} is neither due nor in the way`);
  const older = shelf.segments.filter((one) => one.number < number && one.confirmedAt && !tried.has(one.number));
  const before = isOverdue(segment) ? older.filter(isOverdue) : older;
  for (const one of before) faults.push(`${one.number} is older than ${number}`);
  return faults;
}

function pick(segments: readonly FakeSegment[], n: number): FakeSegment | undefined {
  return segments[n % Math.max(1, segments.length)];
}

/** What happens around the keeper. */
async function happen({ shelf, clock, disk, monitor, refusal }: ShelfUnderTest, one: Step): Promise<void> {
  const sealed = shelf.segments.slice(0, -1);
  switch (one.kind) {
    case 'write':
      Object.assign(shelf.last, { bytes: shelf.last.bytes + one.mb * MB, count: shelf.last.count + one.mb });
      break;
    case 'noted':
      monitor.noteWritten(one.mb * MB);
      break;
    case 'seal':
      shelf.add(shelf.last.bytes, { sealedAt: new Date(clock.nowMs).toISOString() });
      break;
    case 'confirm':
      Object.assign(pick(sealed, one.nth) ?? {}, { confirmedAt: new Date(clock.nowMs).toISOString() });
      break;
    case 'hours':
      clock.nowMs += one.hours * HOUR_MS;
      break;
    case 'clock':
      clock.sure = one.sure;
      break;
    case 'free':
      disk.freeBytes = one.mb * MB;
      break;
    case 'fails':
      shelf.undeletable.set(pick(sealed, one.nth)?.number ?? 0, 'it does not work');
      break;
    case 'works again':
      shelf.undeletable.clear();
      break;
    case 'ask for room':
      await refusal();
  }
}

async function play(steps: readonly Step[]): Promise<number> {
  const test = keeperOverShelf({ maxMb: MAX_MB, minFreeMb: MIN_FREE_MB, retentionDays: RETENTION_DAYS });
  const { shelf, keeper, disk, monitor } = test;
  const faults: string[] = [];
  let tried = new Set<number>();
  let asked = false;
  shelf.onDrop = (segment) => {
    if (!asked) faults.push(...faultsOf(segment, test, tried));
    tried.add(segment.number);
    // Most file systems have it back at once.
    if (!shelf.undeletable.has(segment.number)) disk.freeBytes += segment.bytes;
  };
  for (const one of steps) {
    tried = new Set();
    asked = one.kind === 'delete all confirmed';
    await happen(test, one);
    if (one.kind !== 'apply' && !asked && one.kind !== 'ask for room') continue;
    // After a request that began a cleanup, this waits for it.
    await keeper.cleanup({ allConfirmed: asked });
    expect([faults, shelf.violations]).to.deep.equal([[], []]);
    const left = shelf.segments.filter((segment) => segment.confirmedAt && !shelf.undeletable.has(segment.number));
    if (asked) expect(left).to.deep.equal([]);
    const isFull = shelf.bytes >= MAX_MB * MB || disk.freeBytes < MIN_FREE_MB * MB;
    if (isFull) expect(left).to.deep.equal([]);
    expect([keeper.refusal !== undefined, monitor.shortage !== undefined]).to.deep.equal([isFull, isFull]);
  }
  return shelf.dropped.length;
}

describe('whatever happens', () => {
  itWithSeed(
    'only what is confirmed is deleted, oldest first, and data refused only when nothing is left',
    async (_, seed) => {
      let deleted = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
          deleted += await play(steps);
        }),
        { seed, numRuns: 300 },
      );
      expect(deleted).to.be.greaterThan(100);
    },
  );
});
