/**
 * The time of a soak: it begins at a given hour of a day to come and runs so many times as fast as ours, for this
 * process and for the programs it starts, of which one can have its clock set.
 *
 * Invariants: the programs share one true time; a step is seen by the program it is meant for alone, survives its kills,
 * and is not known to its monotonic clock.
 */
import { writeFile } from 'node:fs/promises';
import { fastClockEnvironment } from '../../bench/support/fast-clock.js';
import { codeOf } from '../../shared/app-error.js';
import { sleep } from '../../shared/time.js';

export const OFFSET_FILE_VARIABLE = 'SOAK_CLOCK_OFFSET_FILE';
export const SHORTEST_TIMER_VARIABLE = 'SOAK_SHORTEST_TIMER_MS';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Of real time; the programs have chores every two and five seconds. */
const SHORTEST_TIMER_MS = 400;

/** A clock before the programs were built, or before our own time, would be wrong. */
const DAYS_AHEAD = 3;

const PRELOAD = new URL('./stepped-clock-preload.js', import.meta.url);

export class SoakClock {
  readonly speed: number;
  /** Of the true time, milliseconds since 1970. */
  readonly beginMs: number;
  readonly #epochMs: number;
  readonly #originMs: number;
  readonly #offsetFile: string;

  private constructor(speed: number, beginMs: number, offsetFile: string) {
    const realMs = Date.now();
    this.speed = speed;
    this.beginMs = beginMs;
    // Where our time and the fast one were the same.
    this.#epochMs = realMs - (beginMs - realMs) / (speed - 1);
    this.#originMs = performance.now();
    this.#offsetFile = offsetFile;
  }

  /**
   * Begins now; `hour` of a day to come, UTC, negative ones are of the day before it. `speed`: more than 1. `offsetFile`
   * is made.
   */
  static async begin(speed: number, hour: number, offsetFile: string): Promise<SoakClock> {
    await writeFile(offsetFile, '0');
    return new SoakClock(speed, (Math.floor(Date.now() / DAY_MS) + DAYS_AHEAD) * DAY_MS + hour * HOUR_MS, offsetFile);
  }

  /** The true time, milliseconds since 1970. */
  now(): number {
    return this.beginMs + (performance.now() - this.#originMs) * this.speed;
  }

  /** Resolves when the true time has come to that, at once where it has, or when `signal` is aborted. */
  async sleepUntil(ms: number, signal?: AbortSignal): Promise<void> {
    await sleep(Math.max(0, (ms - this.now()) / this.speed), signal);
  }

  /** Environment of a program that lives in this time; `canStep`: its clock can be set. */
  environment({ canStep }: { canStep: boolean }): Record<string, string> {
    const { NODE_OPTIONS, ...fast } = fastClockEnvironment(this.speed, this.#epochMs);
    return {
      ...fast,
      NODE_OPTIONS: `${NODE_OPTIONS} --import ${PRELOAD.href}`,
      [SHORTEST_TIMER_VARIABLE]: String(SHORTEST_TIMER_MS),
      ...(canStep ? { [OFFSET_FILE_VARIABLE]: this.#offsetFile } : {}),
    };
  }

  /** Sets the clock that can be set so far ahead of the true time; `pid`: of its program, where that runs. */
  async step(offsetMs: number, pid: number | undefined): Promise<void> {
    await writeFile(this.#offsetFile, String(offsetMs));
    if (pid === undefined) return;
    try {
      process.kill(pid, 'SIGUSR2');
    } catch (error) {
      // It has just ended, and reads the file when it is started again.
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
}
