/**
 * Finds the numbers of a node that are neither held nor told of, by counting: where fewer are held than must be, the span
 * is cut in sixteen and counted again. Costs a few questions for each gap, however many documents there are. Pure.
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

/** Parts of a span that is looked into. */
const PARTS = 16;
/** Questions for one node: with an index that answers thousands a second, a fraction of a second. */
const MAX_COUNTS = 4_000;

/** `told`: in order, without overlap. Looks at the numbers 1 to `highest`. */
export async function findGaps(highest: number, told: readonly ToldSpan[], count: CountHeld): Promise<FoundGaps> {
  const toldSpans = told.map(({ from, to }): NumberSpan => [from, to]);
  const expected = between(highest, told);
  const counts = await count([...toldSpans, ...expected]);
  const heldOfTold = counts.slice(0, told.length);
  let open = lacking(expected, counts.slice(told.length));
  let left = MAX_COUNTS;
  const gaps: OpenGap[] = [];
  while (open.length > 0) {
    const whole = open.filter((gap) => gap.missing === sizeOf(gap));
    const partly = open.filter((gap) => gap.missing < sizeOf(gap));
    gaps.push(...whole);
    const looked = partly.slice(0, Math.floor(left / PARTS));
    gaps.push(...partly.slice(looked.length));
    if (looked.length === 0) break;
    const parts = looked.flatMap(cut);
    left -= parts.length;
    open = lacking(parts, await count(parts));
  }
  return { gaps: joined(gaps), heldOfTold };
}

function sizeOf({ from, to }: { from: number; to: number }): number {
  return to - from + 1;
}

/** What lies between the told spans. */
function between(highest: number, told: readonly ToldSpan[]): NumberSpan[] {
  const spans: NumberSpan[] = [];
  let next = 1;
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
