/**
 * What nodes have told of their own numbers: which are void, lost, quarantined or given up. Of all events about a number the
 * newest one holds, and one that does not name it takes back what earlier ones said. Pure but for the reading.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import { type News, ToldSpans } from './told-spans.js';

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
  /** It told of so much that nothing is known of the numbers below; 1 otherwise. */
  from: number;
}

/** A village's own events must fill no memory: so many nodes of it are looked at. */
export const MAX_NODES = 20;

const PAGE = 1000;
/** Of one node: a flapping threshold stores events by the hundred thousand. */
const MAX_TIMES = 20_000;
/** Names of nodes that are not looked at. */
const MAX_OTHERS = 1_000;
/** They are logged and shown: nothing else may be in them. */
const NAME = /^[a-z0-9]{1,12}$/;

/** `first`: names that are looked at in any case, `MAX_NODES` at most. */
export async function readTold(reader: RangeReader, village: string, first: readonly string[]): Promise<ToldFold> {
  const fold = new ToldFold(first);
  const endId = `${village}:e:\uffff`;
  for (let startId = `${village}:e:`; ; ) {
    const page = await reader.readRange({ startId, endId, descending: false, limit: PAGE });
    for (const event of page) fold.add(event);
    const last = page.at(-1);
    if (!last || page.length < PAGE) return fold;
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
 * dated less closely there. Of further nodes, once there are as many as are looked at, the names are kept alone.
 */
export class ToldFold {
  readonly #first: ReadonlySet<string>;
  readonly #nodes = new Map<string, { told: ToldSpans; times: TimeSeries }>();
  readonly #others = new Set<string>();
  /** Nodes of `#nodes` that are none of `#first`. */
  #further = 0;

  constructor(first: readonly string[] = []) {
    this.#first = new Set(first);
  }

  /** Times and parts of what was told in memory. */
  get held(): number {
    return [...this.#nodes.values()].reduce((sum, { told, times }) => sum + told.size + times.times.length, 0);
  }

  /** Nodes that were told of and found no room, a thousand of them at most. */
  get others(): ReadonlySet<string> {
    return this.#others;
  }

  add(event: TelemetryDocument): void {
    const { _id, node, seq, boot, at } = event;
    if (event.clock === undefined) addTime(this.#nodeOf(node)?.times, { seq, at });
    const news = newsOf(event);
    if (!news) return;
    const known = this.#nodeOf(news.of);
    if (known) known.told.add(news, { boot, count: countIn(_id), at });
    else if (this.#others.size < MAX_OTHERS) this.#others.add(news.of);
  }

  /** By node name; nodes that told of nothing and stored no event are not in it. */
  told(): Map<string, NodeTold> {
    return new Map(
      [...this.#nodes].map(([node, { told, times }]) => {
        return [node, { spans: told.spans(), events: [...times.times].sort(bySeq), from: told.from }];
      }),
    );
  }

  #nodeOf(name: string): { told: ToldSpans; times: TimeSeries } | undefined {
    const known = this.#nodes.get(name);
    if (known) return known;
    if (!this.#first.has(name)) {
      if (this.#first.size + this.#further >= MAX_NODES) return undefined;
      this.#further++;
    }
    const fresh = { told: new ToldSpans(), times: { times: [], every: 1, seen: 0 } };
    this.#nodes.set(name, fresh);
    return fresh;
  }
}

/** One time of every so many there were. */
interface TimeSeries {
  times: EventTime[];
  every: number;
  seen: number;
}

function addTime(series: TimeSeries | undefined, time: EventTime): void {
  if (!series || series.seen++ % series.every !== 0) return;
  series.times.push(time);
  if (series.times.length < MAX_TIMES) return;
  series.times = series.times.filter((_, n) => n % 2 === 0);
  series.every *= 2;
}

function bySeq(a: EventTime, b: EventTime): number {
  return a.seq - b.seq;
}

function countIn(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

/** What an event tells; nothing for one that is none, or not well-formed: villages may send what they like. */
function newsOf(event: TelemetryDocument): (News & { of: string }) | undefined {
  const { event: name, of, from, to } = event;
  if (name !== 'numbers' || !isName(of) || !isNumber(from) || !isNumber(to) || from > to) return undefined;
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

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
