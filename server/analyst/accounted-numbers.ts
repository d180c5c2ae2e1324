/**
 * What nodes have told of their own numbers: which are void, lost, quarantined or given up. Of all events about a number the
 * newest one holds, and one that does not name it takes back what earlier ones said. Pure but for the reading.
 */
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';

/** In the order in which one number is looked for in an event. */
export const TOLD_KINDS = ['lost', 'quarantined', 'released', 'void'] as const;
export type ToldKind = (typeof TOLD_KINDS)[number];

/** Numbers `from` to `to`, both included, all of one kind. */
export interface ToldSpan {
  from: number;
  to: number;
  kind: ToldKind;
}

/** When a node's event was given its number, for telling how old its neighbours are. */
export interface EventTime {
  seq: number;
  at: string;
}

export interface NodeTold {
  /** In order, without overlap. */
  spans: ToldSpan[];
  /** Of the events this node stored itself while its clock was sure, by number. */
  events: EventTime[];
}

const PAGE = 1000;
/** Of one node: a flapping threshold stores events by the hundred thousand. */
const MAX_TIMES = 20_000;
/** Whose events tell times: a store has a few names in its life. */
const MAX_TIMED_NODES = 200;
/** Spans and events of a village that are held at once: what a thief makes a stolen node tell must not fill the memory. */
const MAX_TOLD = 100_000;

/** By node name; nodes that told of nothing and stored no event are not in it. Throws `busy` where more was told than is held. */
export async function readTold(reader: RangeReader, village: string): Promise<Map<string, NodeTold>> {
  const fold = new ToldFold();
  const endId = `${village}:e:\uffff`;
  for (let startId = `${village}:e:`; ; ) {
    const page = await reader.readRange({ startId, endId, descending: false, limit: PAGE });
    for (const event of page) fold.add(event);
    const last = page.at(-1);
    if (!last || page.length < PAGE) return fold.told();
    startId = `${last._id}\u0000`;
  }
}

export function toldBy(events: readonly TelemetryDocument[]): Map<string, NodeTold> {
  const fold = new ToldFold();
  for (const event of events) fold.add(event);
  return fold.told();
}

/**
 * Takes events in any order and keeps what is needed of them alone: what they tell of numbers, and when each was given
 * its number. Of a node with 20,000 events or more only every second time is kept, every fourth, and so on: a gap is
 * dated less closely there.
 */
export class ToldFold {
  readonly #news: AgedNews[] = [];
  readonly #times = new Map<string, TimeSeries>();
  #told = 0;

  /** Times and news in memory. */
  get held(): number {
    return [...this.#times.values()].reduce((sum, { times }) => sum + times.length, this.#news.length);
  }

  /** Throws `busy` where more was told than is held. */
  add(event: TelemetryDocument): void {
    const { _id, node, seq, boot, at } = event;
    if (event.clock === undefined) this.#addTime(node, { seq, at });
    const news = newsOf(event);
    if (!news) return;
    this.#told += 1 + news.spans.length;
    if (this.#told > MAX_TOLD) {
      throw new AppError(
        'busy',
        `the village has told of its numbers in more than ${MAX_TOLD} spans, which are not looked at`,
      );
    }
    this.#news.push({ ...news, boot, count: countIn(_id), at });
  }

  #addTime(node: string, time: EventTime): void {
    const series = this.#times.get(node) ?? { times: [], every: 1, seen: 0 };
    if (series.seen === 0 && this.#times.size >= MAX_TIMED_NODES) return;
    this.#times.set(node, series);
    if (series.seen++ % series.every !== 0) return;
    series.times.push(time);
    if (series.times.length < MAX_TIMES) return;
    series.times = series.times.filter((_, n) => n % 2 === 0);
    series.every *= 2;
  }

  told(): Map<string, NodeTold> {
    const told = new Map<string, NodeTold>();
    for (const [node, { times }] of this.#times) told.set(node, { spans: [], events: [...times].sort(bySeq) });
    for (const news of [...this.#news].sort(byAge)) {
      const known = told.get(news.of) ?? { spans: [], events: [] };
      told.set(news.of, known);
      repaint(known.spans, news);
    }
    return told;
  }
}

/** One time of every so many there were. */
interface TimeSeries {
  times: EventTime[];
  every: number;
  seen: number;
}

function bySeq(a: EventTime, b: EventTime): number {
  return a.seq - b.seq;
}

/** News of one store, whatever it was called: by boot, then in the order they were made. */
function byAge(a: AgedNews, b: AgedNews): number {
  return a.boot - b.boot || a.count - b.count || (a.at < b.at ? -1 : 1);
}

function countIn(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

/** With what tells how old its event is. */
interface AgedNews extends News {
  boot: number;
  count: number;
  at: string;
}

interface News {
  of: string;
  from: number;
  to: number;
  spans: ToldSpan[];
}

/** What an event tells; nothing for one that is none, or not well-formed: villages may send what they like. */
function newsOf(event: TelemetryDocument): News | undefined {
  const { event: name, of, from, to } = event;
  if (name !== 'numbers' || typeof of !== 'string' || !isNumber(from) || !isNumber(to) || from > to) return undefined;
  const spans = TOLD_KINDS.flatMap((kind) =>
    spansIn(event[kind]).map(([low, high]) => ({ from: Math.max(low, from), to: Math.min(high, to), kind })),
  );
  const sorted = spans.filter((span) => span.from <= span.to).sort((a, b) => a.from - b.from);
  // A number in two lists is what it is first named as.
  const disjoint: ToldSpan[] = [];
  for (const span of sorted) {
    const start = Math.max(span.from, (disjoint.at(-1)?.to ?? 0) + 1);
    if (start <= span.to) disjoint.push({ ...span, from: start });
  }
  return { of, from, to, spans: disjoint };
}

function spansIn(value: unknown): [number, number][] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is [number, number] => {
    return Array.isArray(one) && one.length === 2 && isNumber(one[0]) && isNumber(one[1]) && one[0] <= one[1];
  });
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** Puts the news in the place of whatever was told of these numbers. */
function repaint(spans: ToldSpan[], { from, to, spans: news }: News): void {
  const begin = firstEndingAt(spans, from);
  let end = begin;
  while ((spans[end]?.from ?? Number.POSITIVE_INFINITY) <= to) end++;
  const [first, last] = [spans[begin], spans[end - 1]];
  const before = first && end > begin && first.from < from ? [{ ...first, to: from - 1 }] : [];
  const behind = last && end > begin && last.to > to ? [{ ...last, from: to + 1 }] : [];
  spans.splice(begin, end - begin, ...before, ...news, ...behind);
}

/** Index of the first span that ends at or behind a number. */
function firstEndingAt(spans: readonly ToldSpan[], number: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((spans[middle]?.to ?? Number.POSITIVE_INFINITY) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
