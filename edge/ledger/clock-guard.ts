/**
 * Whether the machine's clock can be believed, and times that are never given twice where it cannot.
 *
 * It is unsure before the program's build time, before the latest time ever seen (kept on disk), and after a step of
 * more than a minute against the monotonic clock; it is sure again when the centre's `Date` agrees with it.
 *
 * A board without a clock battery boots into the same wrong time again and again. So the times given while the clock
 * shows one that cannot be right are set aside on disk ahead of use, and a later boot into them goes on behind them: the
 * node's time is then the machine's plus a shift, until the machine's can be right again. Every change of the node's
 * time by more than its passing is told as a step, in the node's own times, which are those of its documents.
 */
import type { Clock } from '../../shared/time.js';
import { type NumberRange, withRange } from './number-ranges.js';

/** What of the clock must survive a power cut. */
export interface ClockRecord {
  /** Latest time this store has ever seen and believed. */
  lastSeenMs: number;
  /** Times given, or set aside to be given, while the clock showed one that cannot be right; more than a day apart. */
  unsure: readonly NumberRange[];
  /** The latest time seen was lost: no time is believed before the centre has agreed with one. */
  unproven?: true;
}

export const NEW_CLOCK: ClockRecord = { lastSeenMs: 0, unsure: [] };

const TOLERANCE_MS = 60_000;
/** Set aside at once; and what must be left of it. */
const RESERVE_MS = 900_000;
const RESERVE_LEFT_MS = 300_000;
/** Boots into times as near as this are boots into the same time. */
const GAP_MS = 86_400_000;
/** More wrong times than any clock has shown; the earliest are forgotten. */
const MAX_RANGES = 100;
const MAX_STEPS = 100;

export interface ClockStep {
  fromMs: number;
  toMs: number;
}

export interface ClockGuardOptions {
  clock: Clock;
  buildTimeMs: number;
  record: ClockRecord;
}

export class ClockGuard implements Clock {
  readonly #clock: Clock;
  readonly #buildTimeMs: number;
  #lastSeenMs: number;
  #unsure: readonly NumberRange[];
  #unproven: boolean;
  #stepped = false;
  #aheadOfCentreMs: number | undefined;
  /** The node's time minus the machine's. */
  #shiftMs = 0;
  /** End of what this boot has set aside on disk, in the node's time. */
  #reservedUpToMs: number | undefined;
  /** Wall minus monotonic time when last looked; a change of it is a step. */
  #offsetMs: number;
  #steps: ClockStep[] = [];

  constructor({ clock, buildTimeMs, record }: ClockGuardOptions) {
    this.#clock = clock;
    this.#buildTimeMs = buildTimeMs;
    this.#lastSeenMs = record.lastSeenMs;
    this.#unsure = record.unsure;
    this.#unproven = record.unproven === true;
    const machineMs = clock.now();
    this.#offsetMs = machineMs - clock.monotonic();
    this.#shiftMs = this.#shiftFor(machineMs);
  }

  /** Milliseconds since 1970 as the node believes; notices steps. */
  now(): number {
    return this.#look() + this.#shiftMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  get sure(): boolean {
    return this.#judge(this.#look());
  }

  /**
   * How far the machine's clock was ahead of the centre's (behind: less than 0) when last compared, where that was too far;
   * undefined where it was not, or has been set since. It does not make the clock unsure: which of both is wrong is not known.
   */
  get aheadOfCentreMs(): number | undefined {
    this.#look();
    return this.#aheadOfCentreMs;
  }

  /** The oldest step not told yet. */
  get nextStep(): ClockStep | undefined {
    return this.#steps[0];
  }

  /** Forgets a step, once it has been told. */
  stepTold(step: ClockStep): void {
    this.#steps = this.#steps.filter((one) => one !== step);
  }

  /** True when times may soon be given that are not set aside on disk. */
  get reservationDue(): boolean {
    const nowMs = this.now();
    if (this.#isPossible(nowMs - this.#shiftMs)) return false;
    return !this.#unsure.some(([from, to]) => from <= nowMs && nowMs + RESERVE_LEFT_MS <= to);
  }

  /** What to keep on disk now; `kept` must be told when it is there. */
  recordToKeep(): ClockRecord {
    const nowMs = this.now();
    if (this.#isPossible(nowMs - this.#shiftMs)) return this.#recordWith(this.#unsure);
    const freeMs = nowMs + this.#stepOver(nowMs);
    return this.#recordWith(withTimes(this.#unsure, [freeMs, freeMs + RESERVE_MS]));
  }

  /** What `recordToKeep` gave has reached the disk. */
  kept({ unsure }: ClockRecord): void {
    this.#unsure = unsure;
    const nowMs = this.now();
    this.#reservedUpToMs = unsure.find(([from, to]) => from <= nowMs && nowMs <= to)?.[1];
  }

  /** What to keep when no more times are given: what was set aside and not used is free again. */
  lastRecord(): ClockRecord {
    const nowMs = this.now();
    const used = this.#unsure.map(([from, to]): NumberRange => {
      const isOwn = to === this.#reservedUpToMs && from <= nowMs && nowMs < to;
      return isOwn ? [from, nowMs] : [from, to];
    });
    return this.#recordWith(used);
  }

  /** Holds the clock against the centre's time; agreement makes it sure, whatever happened before. */
  compareWith(centreMs: number): void {
    const machineMs = this.#look();
    const aheadMs = machineMs - centreMs;
    this.#aheadOfCentreMs = Math.abs(aheadMs) > TOLERANCE_MS ? aheadMs : undefined;
    if (this.#aheadOfCentreMs !== undefined) return;
    // Two clocks that both begin in 1970 agree, and both are wrong.
    if (machineMs < this.#buildTimeMs - TOLERANCE_MS) return;
    this.#stepped = false;
    this.#unproven = false;
    this.#lastSeenMs = machineMs;
    this.#dropShift(machineMs);
  }

  /** The machine's time. */
  #look(): number {
    const machineMs = this.#clock.now();
    const offsetMs = machineMs - this.#clock.monotonic();
    const stepMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    if (Math.abs(stepMs) > TOLERANCE_MS) {
      this.#stepped = true;
      this.#aheadOfCentreMs = undefined;
      const fromMs = machineMs - stepMs + this.#shiftMs;
      this.#shiftMs = this.#shiftFor(machineMs);
      this.#noteStep(fromMs, machineMs + this.#shiftMs);
    }
    this.#dropShift(machineMs);
    if (this.#judge(machineMs)) this.#lastSeenMs = Math.max(this.#lastSeenMs, machineMs);
    return machineMs;
  }

  #dropShift(machineMs: number): void {
    if (this.#shiftMs === 0 || !this.#isPossible(machineMs)) return;
    this.#noteStep(machineMs + this.#shiftMs, machineMs);
    this.#shiftMs = 0;
  }

  /** A clock that steps for ever must not fill the memory; what it did first and last tells most. */
  #noteStep(fromMs: number, toMs: number): void {
    if (this.#steps.length === MAX_STEPS) this.#steps.pop();
    this.#steps.push({ fromMs, toMs });
  }

  #shiftFor(machineMs: number): number {
    return this.#isPossible(machineMs) ? 0 : behindUsed(machineMs, this.#unsure);
  }

  /** Goes on behind times that were given before and lie ahead. */
  #stepOver(nowMs: number): number {
    const others = this.#unsure.filter(([from, to]) => !(from <= nowMs && to === this.#reservedUpToMs));
    const moveMs = behindUsed(nowMs, others);
    if (moveMs > 0) this.#noteStep(nowMs, nowMs + moveMs);
    this.#shiftMs += moveMs;
    return moveMs;
  }

  #recordWith(unsure: readonly NumberRange[]): ClockRecord {
    return { lastSeenMs: this.#lastSeenMs, unsure, ...(this.#unproven ? { unproven: true } : {}) };
  }

  #isPossible(machineMs: number): boolean {
    return machineMs >= this.#buildTimeMs - TOLERANCE_MS && machineMs >= this.#lastSeenMs - TOLERANCE_MS;
  }

  #judge(machineMs: number): boolean {
    return !this.#stepped && !this.#unproven && this.#isPossible(machineMs);
  }
}

/** How far to go on from a time so as to be behind the times used that it lies in, or comes to within a day. */
function behindUsed(ms: number, used: readonly NumberRange[]): number {
  let freeMs = ms;
  for (const [from, to] of used) if (from - GAP_MS - RESERVE_MS <= freeMs && freeMs <= to) freeMs = to + 1;
  return freeMs - ms;
}

/** The ranges with one more, those less than a day apart made one. */
function withTimes(ranges: readonly NumberRange[], added: NumberRange): readonly NumberRange[] {
  const joined: NumberRange[] = [];
  for (const [from, to] of withRange(ranges, added)) {
    const last = joined.at(-1);
    if (last && from - last[1] <= GAP_MS) last[1] = to;
    else joined.push([from, to]);
  }
  return joined.slice(-MAX_RANGES);
}
