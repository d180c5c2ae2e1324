/**
 * Whether numbers may go on where the store ends, and that they have no holes from one segment to the next.
 *
 * What is stored is held against what is known elsewhere: the mark of what was acknowledged, and the first number of the
 * segment that follows.
 */
import type { Acknowledged } from './acknowledged-mark.js';
import { DamagedError } from './damaged-error.js';
import type { Segment } from './segment.js';
import type { SegmentEnd } from './state-records.js';

/** Why numbers cannot go on behind the last document, as the beginning of a sentence. */
export type Doubt =
  | 'none'
  | 'other name'
  | 'the end of the store is damaged'
  | 'acknowledged documents at the end of the store are gone'
  | 'what was acknowledged is not known';

export async function doubtAbout(last: Segment, node: string, acknowledged: Acknowledged | undefined): Promise<Doubt> {
  // A copied store took a new name when it was opened.
  if (last.node !== node) return 'other name';
  if (last.damage) return 'the end of the store is damaged';
  if (acknowledged?.node !== node) return 'what was acknowledged is not known';
  if (last.lastSeq < acknowledged.seq) return 'acknowledged documents at the end of the store are gone';
  try {
    return (await last.tailIsProven()) ? 'none' : 'the end of the store is damaged';
  } catch (error) {
    if (error instanceof DamagedError) return 'the end of the store is damaged';
    throw error;
  }
}

/** Seals the last segment of a name that ends here, and counts as lost what was acknowledged in it and is gone. */
export async function closeOff(last: Segment, acknowledged: Acknowledged | undefined, nowText: string): Promise<void> {
  const lastSeq = Math.max(last.lastSeq, acknowledged?.node === last.node ? acknowledged.seq : 0);
  if (!last.damage && !(await isProven(last))) last.condemn('its end cannot be read', lastSeq);
  // The repair will count and seal. Of a segment nobody could read, only the mark knows how many numbers it gave.
  if (last.damage) return last.leave(nowText, lastSeq < last.firstSeq ? undefined : lastSeq);
  await last.loseTail(lastSeq);
  if (!last.sealed) await last.seal(nowText, lastSeq);
}

async function isProven(last: Segment): Promise<boolean> {
  return last.tailIsProven().catch(() => false);
}

/**
 * Holds each segment against the one that follows it under the same name: numbers between them are lost, and documents
 * that were refused and stored all the same, whose numbers were given again, must go.
 */
export async function joinSegments(
  segments: readonly Segment[],
  nowText: string,
  ends: readonly SegmentEnd[] = [],
): Promise<void> {
  await placeGuessed(segments, ends);
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (!next || segment.damage) continue;
    const follows =
      next.node === segment.node && next.number === segment.number + 1 && next.firstSeq > segment.firstSeq;
    const lastSeq = follows ? next.firstSeq - 1 : segment.lastSeq;
    if (segment.lastSeq > lastSeq) {
      segment.condemn('it holds numbers that were given again', lastSeq);
      continue;
    }
    await segment.loseTail(lastSeq);
    if (!segment.sealed) await segment.seal(nowText, lastSeq);
  }
}

/** Gives those of which nothing could be read the numbers their neighbours, known by now, leave between them. */
async function placeGuessed(segments: readonly Segment[], ends: readonly SegmentEnd[]): Promise<void> {
  for (const [index, segment] of [...segments.entries()].reverse()) {
    const next = segments[index + 1];
    if (!segment.record.guessed || segment.damage || next?.number !== segment.number + 1) continue;
    if (next.damage || next.record.guessed || next.firstSeq === 1) continue;
    const { node } = next;
    const before = segments.slice(0, index).findLast(({ record }) => !record.guessed);
    const firstSeq = Math.min(firstSeqOf({ number: segment.number, node }, before, ends), next.firstSeq);
    await segment.adopt({ node, firstSeq, lastSeq: next.firstSeq - 1 });
  }
}

/** The first number a segment of a name can hold, behind the one before it, be it kept or deleted. */
export function firstSeqOf(
  { number, node }: { number: number; node: string },
  before: Segment | undefined,
  ends: readonly SegmentEnd[],
): number {
  const kept = before?.node === node ? before.lastSeq : 0;
  const deleted = ends.filter((end) => end.node === node && end.number < number).map(({ seq }) => seq);
  return Math.max(kept, ...deleted) + 1;
}

/** Two segments that hold the same numbers of one name, in words; `undefined` where there are none. */
export function numbersGivenTwice(segments: readonly Segment[]): string | undefined {
  for (const [index, one] of segments.entries()) {
    const other = segments.slice(index + 1).find((candidate) => {
      const isSameName = candidate.node === one.node && candidate.count > 0 && one.count > 0;
      return isSameName && candidate.firstSeq <= one.lastSeq && one.firstSeq <= candidate.lastSeq;
    });
    if (other) return `the segments ${one.number} and ${other.number} hold the same numbers of node ${one.node}`;
  }
  return undefined;
}
