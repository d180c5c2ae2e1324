/**
 * Finds the series below a scope of ids with questions that are asked together. The space of ids is cut into parts, in each
 * part the series are found by skipping from one to the next, and where parts are used up the widest ones left are cut again:
 * a series costs one or two questions, and a few hundred are found in a few requests. Where the last document of a series is
 * guessed, one question tells whether it is that, and with which document the next series begins.
 *
 * Invariant: every id of the scope is within a series that was found or within a part that was seen to be empty, so that a
 * series that was there before the search is never missed.
 */
import { parseTelemetryId, type TelemetryDocument } from '../../shared/documents.js';
import type { FoundSeries, ReadRange } from '../../shared/range-reader.js';

/** Where series may be that are not found yet, both ends included. */
interface Part {
  from: string;
  to: string;
  /** There is no document at `to`, so that nearly all of the part may be empty. */
  isOpen?: boolean;
  /** From the last series that was found here to the one before. */
  stepWidth?: number;
  /** It begins with what may be the last document of a series. */
  isGuessed?: boolean;
}

/** A series that may be there. */
export interface LikelySeries {
  prefix: string;
  /** Maybe of its last document. */
  lastId?: string;
}

type ReadRanges = (ranges: readonly ReadRange[]) => Promise<TelemetryDocument[][]>;

/** Asked at once. */
const MAX_PARTS = 48;
/** A part with fewer series than this to come, by the last step, is not worth a cut. */
const MIN_STEPS = 6;
const AFTER = '\uffff';

/**
 * Every series whose ids begin with `scope`, in order; `readRanges` as in `RangeReader`, `likely` in order of their prefixes:
 * where these are all there is, a question each tells it at once.
 */
export async function seriesBelow(
  readRanges: ReadRanges,
  scope: string,
  likely: readonly LikelySeries[] = [],
): Promise<FoundSeries[]> {
  const found = new Map<string, FoundSeries>();
  for (let parts = partsBetween(likely, scope); parts.length > 0; ) {
    const open = parts.filter(({ isOpen }) => isOpen);
    const answers = await readRanges([
      ...parts.map((part) => ({ startId: part.from, endId: part.to, descending: false, limit: limitOf(part) })),
      ...open.map(({ from, to }) => ({ startId: to, endId: from, descending: true, limit: 1 })),
    ]);
    const lasts = new Map(open.map((part, n) => [part, answers[parts.length + n]?.[0]?._id]));
    const rest = parts.flatMap((part, n) => restOf(part, keep(found, part, answers[n] ?? []), lasts.get(part)));
    // Few series are looked for with few questions.
    parts = cut(rest, Math.min(MAX_PARTS, 2 + 2 * found.size));
  }
  return [...found.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

/** Likely series of a scope, by their prefixes and by ids of documents that may be the last ones of theirs. */
export function likelySeries(scope: string, prefixes: readonly string[], ids: readonly string[]): LikelySeries[] {
  const lastIds = new Map<string, string | undefined>(prefixes.map((prefix) => [prefix, undefined]));
  for (const id of ids) {
    const prefix = id.startsWith(scope) ? parseTelemetryId(id)?.prefix : undefined;
    if (prefix !== undefined && id > (lastIds.get(prefix) ?? '')) lastIds.set(prefix, id);
  }
  const likely = [...lastIds].map(([prefix, lastId]) => (lastId === undefined ? { prefix } : { prefix, lastId }));
  return likely.sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

/** A part from the end of each likely series up to the end of the next one, and the one behind them. */
function partsBetween(likely: readonly LikelySeries[], scope: string): Part[] {
  const starts = [{ from: scope }, ...likely.map(startBehind)];
  return starts.map((start, n) => {
    const next = likely[n];
    return next ? { ...start, to: next.prefix + AFTER } : { ...start, to: scope + AFTER, isOpen: true };
  });
}

function startBehind({ prefix, lastId }: LikelySeries): Pick<Part, 'from' | 'isGuessed'> {
  return lastId === undefined ? { from: behind(prefix) } : { from: lastId, isGuessed: true };
}

/** The guessed document, and the first one of the next series. */
function limitOf({ isGuessed }: Part): number {
  return isGuessed ? 2 : 1;
}

/** What of a part is not known after everything up to `seen`; `lastId` is the highest id in it, where that was asked for. */
function restOf(part: Part, seen: string | undefined, lastId: string | undefined): Part[] {
  if (seen === undefined) return [];
  const prefix = parseTelemetryId(seen)?.prefix;
  const from = prefix === undefined ? `${seen}\u0000` : behind(prefix);
  const to = lastId ?? part.to;
  return from > to ? [] : [{ from, to, stepWidth: widthOf({ from: part.from, to: from }) }];
}

/** Keeps what the documents at the beginning of a part tell; returns the last id, or undefined where there are no more. */
function keep(
  found: Map<string, FoundSeries>,
  part: Part,
  documents: readonly TelemetryDocument[],
): string | undefined {
  for (const [n, document] of documents.entries()) {
    keepFirst(found, document);
    const next = documents[n + 1];
    if (next ? areOfTwoSeries(document, next) : isAtEnd(part, documents, document)) keepLast(found, document);
  }
  return documents.length < limitOf(part) ? undefined : documents.at(-1)?._id;
}

function areOfTwoSeries({ _id: id }: TelemetryDocument, { _id: nextId }: TelemetryDocument): boolean {
  const next = parseTelemetryId(nextId)?.prefix;
  return next !== undefined && next !== parseTelemetryId(id)?.prefix;
}

/** There is nothing of its series behind the last one of the documents. */
function isAtEnd(part: Part, documents: readonly TelemetryDocument[], { _id: id }: TelemetryDocument): boolean {
  const prefix = parseTelemetryId(id)?.prefix;
  return documents.length < limitOf(part) && prefix !== undefined && part.to >= behind(prefix);
}

function keepLast(found: Map<string, FoundSeries>, last: TelemetryDocument): void {
  const series = found.get(parseTelemetryId(last._id)?.prefix ?? '');
  if (series) series.last = last;
}

/** Where a cut went through a series it is found on both sides. */
function keepFirst(found: Map<string, FoundSeries>, first: TelemetryDocument): void {
  const prefix = parseTelemetryId(first._id)?.prefix;
  if (prefix === undefined) return;
  const known = found.get(prefix);
  if (!known || first._id < known.first._id) found.set(prefix, { ...known, prefix, first });
}

/** The first id behind those of a series: ';' follows ':' in byte order. */
function behind(prefix: string): string {
  return `${prefix.slice(0, -1)};`;
}

/** The same parts, the widest of them cut in two until there are `count`. */
function cut(parts: readonly Part[], count: number): Part[] {
  const whole: Part[] = [];
  const toCut = parts.map((part) => ({ part, width: widthOf(part) })).sort((a, b) => a.width - b.width);
  for (let widest = toCut.pop(); widest; widest = toCut.pop()) {
    const { part, width } = widest;
    const isFull = toCut.length + whole.length + 1 >= count;
    const middle = isFull || width < MIN_STEPS * (part.stepWidth ?? 0) ? undefined : middleOf(part);
    if (middle === undefined) {
      whole.push(part);
      continue;
    }
    for (const half of [
      { ...part, to: middle, isOpen: true },
      { ...part, from: middle },
    ]) {
      const halfWidth = widthOf(half);
      const place = toCut.findIndex((other) => other.width >= halfWidth);
      toCut.splice(place < 0 ? toCut.length : place, 0, { part: half, width: halfWidth });
    }
  }
  return whole;
}

/** What ids are made of, in byte order. */
const LETTERS = '-.0123456789:;ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
/** Letters behind the ones that both ends share, of which a middle is made. */
const DEPTH = 4;

function widthOf({ from, to }: Pick<Part, 'from' | 'to'>): number {
  const common = commonLength(from, to);
  return (numberOf(to, common) - numberOf(from, common)) * LETTERS.length ** -common;
}

/** A text between both ends that halves what could lie between them; undefined where nothing could. */
function middleOf({ from, to }: Part): string | undefined {
  const common = commonLength(from, to);
  const [low, high] = [numberOf(from, common), numberOf(to, common)];
  let rest = Math.floor((low + high) / 2);
  let letters = '';
  for (let n = 0; n < DEPTH; n++) {
    letters = LETTERS.charAt(rest % LETTERS.length) + letters;
    rest = Math.floor(rest / LETTERS.length);
  }
  const middle = from.slice(0, common) + letters;
  return middle > from && middle < to ? middle : undefined;
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** The letters from `start` on as a number: texts further on in their order have no lower one. */
function numberOf(text: string, start: number): number {
  let number = 0;
  for (let n = start; n < start + DEPTH; n++) number = number * LETTERS.length + indexOf(text[n]);
  return number;
}

/** Of the letter itself, or of the last one before it. */
function indexOf(letter: string | undefined): number {
  if (letter === undefined) return 0;
  const index = LETTERS.indexOf(letter);
  return index >= 0 ? index : Math.max(0, [...LETTERS].filter((other) => other < letter).length - 1);
}
