/**
 * Tells the centre which numbers it need not wait for: void, lost or quarantined ones, and those a person has given up.
 *
 * For each segment whose ranges are other than what was told last, an event `numbers` says the state of all numbers
 * `from` … `to` of the node name `of`: for any number the newest event about it counts. What was told is written down
 * after the event is stored; were the process to end in between, the same would be told twice.
 *
 * News of losses is told at once. Other news waits for a minute, and twice as long after each telling that followed
 * close upon another: an import of what the centre holds already makes a new range with every batch, and a centre that
 * refuses the events themselves makes one with every event.
 */
import { countNumbers, type NumberRange, withoutRanges } from '../ledger/number-ranges.js';
import type { AccountedRanges, ToldRanges } from '../ledger/segment-record.js';

/** What is looked at of a segment. */
export interface AccountedSegment {
  readonly node: string;
  readonly firstSeq: number;
  /** `firstSeq - 1` while it is empty. */
  readonly lastSeq: number;
  /** `released` are some of the quarantined. */
  readonly delivery: ToldRanges & { readonly told?: ToldRanges };
  /** Keeps what was told in the segment; leaves everything else about its delivery as it is. */
  noteTold(told: ToldRanges): Promise<void>;
}

export interface AccountedNumbersOptions {
  segments: () => readonly AccountedSegment[];
  /** Stores an event of the node's own. */
  submitEvent(event: string, fields: Record<string, unknown>): Promise<void>;
  /** Milliseconds that only ever grow. */
  monotonic(): number;
}

/** Ranges in one event: with numbers of 16 digits they take half of what a document may. */
const MAX_RANGES = 200;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;

const NOTHING: AccountedRanges = { void: [], lost: [], quarantined: [] };

interface Telling {
  toldMs: number;
  /** How long news must wait after it. */
  waitMs: number;
}

export class AccountedNumbers {
  readonly #options: AccountedNumbersOptions;
  /** By node name and first number; the objects of segments come and go. */
  readonly #tellings = new Map<string, Telling>();
  #running: Promise<void> | undefined;

  constructor(options: AccountedNumbersOptions) {
    this.#options = options;
  }

  /** Tells what is due; to be called every few seconds. Rejects when something could not be stored; it stays due. */
  tell(): Promise<void> {
    this.#running ??= this.#tellAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #tellAll(): Promise<void> {
    const segments = this.#options.segments();
    this.#forgetOthers(segments);
    for (const segment of segments) if (this.#isDue(segment)) await this.#tellOf(segment);
  }

  #isDue(segment: AccountedSegment): boolean {
    const { delivery } = segment;
    const told = delivery.told ?? NOTHING;
    if (isSame(told, tellable(delivery))) return false;
    if (countNumbers(withoutRanges(delivery.lost, told.lost)) > 0) return true;
    const last = this.#tellings.get(keyOf(segment));
    return last === undefined || this.#options.monotonic() - last.toldMs >= last.waitMs;
  }

  async #tellOf(segment: AccountedSegment): Promise<void> {
    const told = tellable(segment.delivery);
    for (const fields of eventsOf(segment, told)) await this.#options.submitEvent('numbers', fields);
    await segment.noteTold(told);
    const toldMs = this.#options.monotonic();
    const last = this.#tellings.get(keyOf(segment));
    const isClose = last !== undefined && toldMs - last.toldMs < 2 * last.waitMs;
    const waitMs = isClose ? Math.min(2 * last.waitMs, LONGEST_WAIT_MS) : FIRST_WAIT_MS;
    this.#tellings.set(keyOf(segment), { toldMs, waitMs });
  }

  #forgetOthers(segments: readonly AccountedSegment[]): void {
    if (this.#tellings.size === 0) return;
    const present = new Set(segments.map(keyOf));
    for (const key of this.#tellings.keys()) if (!present.has(key)) this.#tellings.delete(key);
  }
}

function keyOf({ node, firstSeq }: AccountedSegment): string {
  return `${node}/${firstSeq}`;
}

/** What there is to tell: a number given up is in quarantine no more, and each is in one of the lists. */
function tellable({ void: voided, lost, quarantined, released = [] }: ToldRanges): ToldRanges {
  if (released.length === 0) return { void: voided, lost, quarantined };
  return { void: voided, lost, quarantined: withoutRanges(quarantined, released), released };
}

function isSame(a: ToldRanges, b: ToldRanges): boolean {
  return (['void', 'lost', 'quarantined', 'released'] as const).every(
    (kind) => a[kind] === b[kind] || JSON.stringify(a[kind]) === JSON.stringify(b[kind]),
  );
}

/** The fields of the events that tell a state: one, or several for stretches of numbers that follow each other. */
function eventsOf(segment: AccountedSegment, state: ToldRanges): Record<string, unknown>[] {
  const { node: of, firstSeq } = segment;
  // Lost numbers may lie behind the last document that is left.
  const lastSeq = allRanges(state).reduce((last, [, to]) => Math.max(last, to), Math.max(segment.lastSeq, firstSeq));
  return stretches(firstSeq, lastSeq, state).map(([from, to]) => ({
    ...{ of, from, to },
    void: within(state.void, from, to),
    lost: within(state.lost, from, to),
    quarantined: within(state.quarantined, from, to),
    ...(state.released ? { released: within(state.released, from, to) } : {}),
  }));
}

/** Cuts `from` … `to` so that no stretch holds more than MAX_RANGES ranges; no number is in two of them. */
function stretches(from: number, to: number, state: ToldRanges): NumberRange[] {
  const sorted = allRanges(state).sort((a, b) => a[0] - b[0]);
  const cut: NumberRange[] = [];
  let start = from;
  for (let n = MAX_RANGES; n < sorted.length; n += MAX_RANGES) {
    const end = (sorted[n]?.[0] ?? to) - 1;
    cut.push([start, end]);
    start = end + 1;
  }
  cut.push([start, to]);
  return cut;
}

function allRanges(state: ToldRanges): NumberRange[] {
  return [...state.void, ...state.lost, ...state.quarantined, ...(state.released ?? [])];
}

/** The parts of ranges that lie between two numbers. */
function within(ranges: readonly NumberRange[], from: number, to: number): NumberRange[] {
  return ranges.flatMap(([low, high]): NumberRange[] =>
    high < from || low > to ? [] : [[Math.max(low, from), Math.min(high, to)]],
  );
}
