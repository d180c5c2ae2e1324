/**
 * What a node has done, since it began to count and day by day (UTC), for at most 60 days.
 *
 * It is told the counts of this life of the process, and adds what has come since it was last told to the present day; to
 * `unsure` while the clock cannot be believed. Written every ten minutes and at the end: a crash loses that much of the
 * figures, and of nothing else.
 */
import { messageOf } from '../../../shared/app-error.js';
import type { Logger } from '../../../shared/logger.js';
import { formatInstant } from '../../../shared/time.js';

export interface Figures {
  /** Readings and predictions that were new and are on the disk. */
  acknowledged: number;
  /** Documents the centre has taken, the node's own events among them. */
  sent: number;
  /** Documents the centre refused one by one. */
  refused: number;
  bytesSent: number;
  bytesReceived: number;
  /** Batches the centre has answered. */
  batches: number;
  /** Pushes by how they ended: `ok`, the tag of the failure, or `STORE_ERROR` for this node's own. */
  attempts: Readonly<Record<string, number>>;
}

/** What is kept; nothing before the first figures. */
export interface KeptStats {
  /** Canonical instant. */
  since?: string;
  totals?: Figures;
  /** By day, such as `2026-03-01`, or `unsure`. */
  days?: Readonly<Record<string, Figures>>;
}

export interface StatsBookOptions {
  state: { readonly stats: KeptStats; writeStats(kept: KeptStats): Promise<void> };
  /** What this life of the process has counted. */
  counted: () => Figures;
  clock: { now(): number; monotonic(): number; readonly sure: boolean };
  log: Logger;
}

export const UNSURE_DAY = 'unsure';
const MAX_DAYS = 60;
const WRITE_EVERY_MS = 600_000;
const DAY_MS = 86_400_000;
export const NO_FIGURES: Figures = {
  ...{ acknowledged: 0, sent: 0, refused: 0, bytesSent: 0, bytesReceived: 0, batches: 0 },
  attempts: {},
};

export class StatsBook {
  readonly #options: StatsBookOptions;
  #seen: Figures = NO_FIGURES;
  #kept: Required<KeptStats>;
  #isWritten = true;
  #writtenMs: number;

  constructor(options: StatsBookOptions) {
    this.#options = options;
    const { clock, state } = options;
    this.#kept = { since: formatInstant(clock.now()), totals: NO_FIGURES, days: {}, ...state.stats };
    this.#writtenMs = clock.monotonic();
  }

  /** Days in order, `unsure` last. */
  get kept(): Readonly<Required<KeptStats>> {
    return this.#kept;
  }

  /** Looks at the counts; to be called every few seconds. Never rejects. */
  async look(): Promise<void> {
    this.count();
    if (this.#options.clock.monotonic() - this.#writtenMs >= WRITE_EVERY_MS) await this.write();
  }

  /** The same without writing. */
  count(): void {
    const { counted, clock } = this.#options;
    const now = counted();
    const news = minus(now, this.#seen);
    this.#seen = now;
    if (!hasAny(news)) return;
    const nowMs = clock.now();
    const day = clock.sure ? formatInstant(nowMs).slice(0, 10) : UNSURE_DAY;
    const { since, totals, days } = this.#kept;
    const counts = { ...days, [day]: plus(days[day] ?? NO_FIGURES, news) };
    this.#kept = { since, totals: plus(totals, news), days: clock.sure ? bounded(counts, nowMs) : counts };
    this.#isWritten = false;
  }

  /** Counts and writes what is not written yet. Never rejects. */
  async write(): Promise<void> {
    const { state, clock, log } = this.#options;
    this.count();
    this.#writtenMs = clock.monotonic();
    if (this.#isWritten) return;
    this.#isWritten = true;
    await state.writeStats(this.#kept).catch((error: unknown) => {
      this.#isWritten = false;
      log.verbose('the figures of the days could not be written down yet', { error: messageOf(error) });
    });
  }
}

/** The newest days; what a wrong clock has put into the future is of nobody knows which day. */
function bounded(days: Readonly<Record<string, Figures>>, nowMs: number): Record<string, Figures> {
  const { [UNSURE_DAY]: unsure, ...dated } = days;
  const last = formatInstant(nowMs + DAY_MS).slice(0, 10);
  const sorted = Object.entries(dated).sort(([a], [b]) => (a < b ? -1 : 1));
  const future = sorted.filter(([day]) => day > last).map(([, figures]) => figures);
  const rest = [...(unsure ? [unsure] : []), ...future];
  return {
    ...Object.fromEntries(sorted.filter(([day]) => day <= last).slice(-MAX_DAYS)),
    ...(rest.length > 0 ? { [UNSURE_DAY]: rest.reduce(plus) } : {}),
  };
}

type Counts = Omit<Figures, 'attempts'>;
const COUNTS = Object.keys(NO_FIGURES).filter((name): name is keyof Counts => name !== 'attempts');

function combined(a: Figures, b: Figures, operation: (x: number, y: number) => number): Figures {
  const attempts: Record<string, number> = {};
  for (const tag of new Set([...Object.keys(a.attempts), ...Object.keys(b.attempts)])) {
    const count = operation(a.attempts[tag] ?? 0, b.attempts[tag] ?? 0);
    if (count !== 0) attempts[tag] = count;
  }
  const counts = Object.fromEntries(COUNTS.map((name) => [name, operation(a[name], b[name])]));
  return { ...NO_FIGURES, ...counts, attempts };
}

function plus(a: Figures, b: Figures): Figures {
  return combined(a, b, (x, y) => x + y);
}

function minus(a: Figures, b: Figures): Figures {
  return combined(a, b, (x, y) => x - y);
}

function hasAny(figures: Figures): boolean {
  return COUNTS.some((name) => figures[name] !== 0) || Object.keys(figures.attempts).length > 0;
}
