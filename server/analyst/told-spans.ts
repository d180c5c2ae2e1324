/**
 * What was told of the numbers of one node, put together as it comes, in any order: of each number the newest news hold.
 *
 * Villages may tell what they like, so what is held is bounded: of more than 8,000 parts those with the lowest numbers are
 * forgotten, and numbers below `from` are not known of from then on.
 */
import type { ToldKind, ToldSpan } from './accounted-numbers.js';

/** All numbers `from` to `to`, and the spans of them that are of a kind: in order, without overlap. */
export interface News {
  from: number;
  to: number;
  spans: readonly ToldSpan[];
}

/** Of the event that told: news of one store, whatever it was called, go by boot, then by the order they were made in. */
export interface NewsAge {
  boot: number;
  count: number;
  at: string;
}

/** Numbers that one event told of, as of one kind, or of none. */
interface Part {
  from: number;
  to: number;
  kind: ToldKind | undefined;
  age: NewsAge;
}

const MAX_PARTS = 8_000;
/** So many are left once there are too many: not every further one is to move them all. */
const LEFT_PARTS = 6_000;

export class ToldSpans {
  /** In order, without overlap. */
  #parts: Part[] = [];
  #from = 1;

  /** Parts in memory. */
  get size(): number {
    return this.#parts.length;
  }

  /** Nothing is known of the numbers below. */
  get from(): number {
    return this.#from;
  }

  add({ from: first, to, spans }: News, age: NewsAge): void {
    const from = Math.max(first, this.#from);
    if (to < from) return;
    const begin = firstEndingAt(this.#parts, from);
    let end = begin;
    while ((this.#parts[end]?.from ?? Number.POSITIVE_INFINITY) <= to) end++;
    const before = this.#parts.slice(begin, end);
    const newer = before.filter((part) => compareAges(part.age, age) > 0);
    const left = before.flatMap((part) => (compareAges(part.age, age) > 0 ? [part] : outside(part, from, to)));
    const fresh = without(partsOf(spans, from, to, age), newer);
    this.#parts.splice(begin, end - begin, ...[...left, ...fresh].sort((a, b) => a.from - b.from));
    if (this.#parts.length <= MAX_PARTS) return;
    this.#parts = this.#parts.slice(-LEFT_PARTS);
    this.#from = this.#parts[0]?.from ?? 1;
  }

  /** In order, without overlap. */
  spans(): ToldSpan[] {
    return this.#parts.flatMap(({ from, to, kind }) => (kind === undefined ? [] : [{ from, to, kind }]));
  }
}

/** Negative where `a` is older. */
function compareAges(a: NewsAge, b: NewsAge): number {
  return a.boot - b.boot || a.count - b.count || (a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
}

/** All numbers `from` to `to`; spans of a kind that touch are one. */
function partsOf(spans: readonly ToldSpan[], from: number, to: number, age: NewsAge): Part[] {
  const parts: Part[] = [];
  const push = (low: number, high: number, kind: ToldKind | undefined) => {
    const last = parts.at(-1);
    if (low > high) return;
    if (last && last.kind === kind) last.to = high;
    else parts.push({ from: low, to: high, kind, age });
  };
  let next = from;
  for (const span of spans) {
    if (span.to < next) continue;
    push(next, span.from - 1, undefined);
    push(Math.max(next, span.from), span.to, span.kind);
    next = span.to + 1;
  }
  push(next, to, undefined);
  return parts;
}

/** What of a part lies outside `from` to `to`. */
function outside(part: Part, from: number, to: number): Part[] {
  return [
    ...(part.from < from ? [{ ...part, to: from - 1 }] : []),
    ...(part.to > to ? [{ ...part, from: to + 1 }] : []),
  ];
}

/** What of the parts no other one covers; both in order, without overlap. */
function without(parts: readonly Part[], others: readonly Part[]): Part[] {
  const left: Part[] = [];
  let n = 0;
  for (const part of parts) {
    let next = part.from;
    while ((others[n]?.to ?? Number.POSITIVE_INFINITY) < next) n++;
    for (let at = n; next <= part.to; at++) {
      const other = others[at];
      const end = Math.min(part.to, (other?.from ?? Number.POSITIVE_INFINITY) - 1);
      if (next <= end) left.push({ ...part, from: next, to: end });
      next = other && other.from <= part.to ? other.to + 1 : part.to + 1;
    }
  }
  return left;
}

/** Index of the first part that ends at or behind a number. */
function firstEndingAt(parts: readonly Part[], number: number): number {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((parts[middle]?.to ?? Number.POSITIVE_INFINITY) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
