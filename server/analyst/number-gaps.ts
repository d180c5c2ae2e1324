/**
 * Finds the numbers of a node that are neither held nor told of, by counting: where fewer are held than must be, the span
 * is cut in four and counted again. Costs a few questions for each gap, however many documents there are. Pure.
 */
import type { NumberSpan } from '../store/contract.js';
import type { ToldSpan } from './accounted-numbers.js';

/** A span in which numbers are missing: all of them, where there was time to look that closely. */
export interface OpenGap {
  from: number;
  to: number;
  /** How many of them. */
  missing: number;
}

export interface FoundGaps {
  gaps: OpenGap[];
  /** Numbers told of as void, lost or the like that are held all the same, by index of the told span. */
  heldOfTold: number[];
}

export type CountHeld = (spans: readonly NumberSpan[]) => Promise<number[]>;

/** Parts of a span that is looked into; the last one need not be counted. */
const PARTS = 4;
/** Questions for one node where nothing else is said: an index answers some thousand in a second. */
const MAX_COUNTS = 1_500;

/** `told`: in order, without overlap, none below `lowest`. Looks at the numbers `lowest` to `highest`. */
export async function findGaps(
  highest: number,
  told: readonly ToldSpan[],
  count: CountHeld,
  { lowest = 1, maxCounts = MAX_COUNTS }: { lowest?: number; maxCounts?: number } = {},
): Promise<FoundGaps> {
  const toldSpans = told.map(({ from, to }): NumberSpan => [from, to]);
  const expected = between(lowest, highest, told);
  const counts = await count([...toldSpans, ...expected]);
  const heldOfTold = counts.slice(0, told.length);
  let open = lacking(expected, counts.slice(told.length));
  let left = maxCounts;
  const gaps: OpenGap[] = [];
  while (open.length > 0) {
    const whole = open.filter((gap) => gap.missing === sizeOf(gap));
    const partly = open.filter((gap) => gap.missing < sizeOf(gap));
    gaps.push(...whole);
    const looked = partly.slice(0, Math.floor(left / (PARTS - 1)));
    gaps.push(...partly.slice(looked.length));
    if (looked.length === 0) break;
    const parts = looked.map(cut);
    const asked = parts.flatMap((some) => some.slice(0, -1));
    left -= asked.length;
    const answers = (await count(asked)).values();
    open = looked.flatMap((gap, n) => lackingIn(gap, parts[n] ?? [], answers));
  }
  return { gaps: joined(gaps), heldOfTold };
}

function sizeOf({ from, to }: { from: number; to: number }): number {
  return to - from + 1;
}

/** What lies between the told spans. */
function between(lowest: number, highest: number, told: readonly ToldSpan[]): NumberSpan[] {
  const spans: NumberSpan[] = [];
  let next = lowest;
  for (const { from, to } of told) {
    if (from > next) spans.push([next, Math.min(from - 1, highest)]);
    next = Math.max(next, to + 1);
  }
  if (next <= highest) spans.push([next, highest]);
  return spans.filter(([from, to]) => from <= to);
}

function lacking(spans: readonly NumberSpan[], counts: readonly number[]): OpenGap[] {
  return spans.flatMap(([from, to], n) => {
    const missing = to - from + 1 - (counts[n] ?? 0);
    return missing > 0 ? [{ from, to, missing }] : [];
  });
}

/** What its parts lack: the last one whatever the others do not. */
function lackingIn(gap: OpenGap, parts: readonly NumberSpan[], answers: Iterator<number>): OpenGap[] {
  const found = lacking(
    parts.slice(0, -1),
    parts.slice(0, -1).map(() => Number(answers.next().value)),
  );
  const missing = gap.missing - found.reduce((sum, one) => sum + one.missing, 0);
  const [from, to] = parts.at(-1) ?? [gap.from, gap.to];
  // More can have come between two questions.
  return missing > 0 ? [...found, { from, to, missing: Math.min(missing, to - from + 1) }] : found;
}

function cut({ from, to }: OpenGap): NumberSpan[] {
  const step = Math.ceil(sizeOf({ from, to }) / PARTS);
  const parts: NumberSpan[] = [];
  for (let start = from; start <= to; start += step) parts.push([start, Math.min(to, start + step - 1)]);
  return parts;
}

/** In order; gaps that touch become one where all their numbers are missing. */
function joined(gaps: OpenGap[]): OpenGap[] {
  const result: OpenGap[] = [];
  for (const gap of gaps.sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    const touches = last?.to === gap.from - 1 && last.missing === sizeOf(last) && gap.missing === sizeOf(gap);
    if (last && touches) {
      last.to = gap.to;
      last.missing += gap.missing;
    } else {
      result.push({ ...gap });
    }
  }
  return result;
}
