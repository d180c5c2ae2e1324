/**
 * The node's own forced replication, by default at 2 AM.
 *
 * A village keeps its own constant delay after the scheduled time, so that a thousand villages do not arrive at once. A
 * time missed while powered off is caught up after the start, and so is one that may have been missed: while the clock is
 * unsure nobody knows. A time is skipped when a forced run (a CronJob's, say) succeeded within 20 hours.
 *
 * A replication that did not come to its end is tried again after 10 min, 20 min, 40 min, … at most 4 h, until one
 * succeeds or the next scheduled time has come; sooner when the link is back, but not within 2 min.
 */
import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Service } from '../../shared/service.js';
import { formatInstant } from '../../shared/time.js';

const SKIP_WITHIN_MS = 20 * 3_600_000;
/** The timer looks again this often at the latest, so that a clock set right is followed. */
const LOOK_EVERY_MS = 60_000;
/** After a start the network needs a moment, and so do the meters. */
const CATCH_UP_AFTER_MS = 30_000;
const FIRST_RETRY_MS = 600_000;
const LONGEST_RETRY_MS = 4 * 3_600_000;
const RESTORED_RETRY_MS = 120_000;

export interface ScheduleOptions {
  /** Cron expression, five or six fields. */
  expression: string;
  timeZone: string;
  /** Largest delay; the village's own lies in [0, jitterS). */
  jitterS: number;
  village: string;
  /** Milliseconds since 1970, and whether they can be believed. */
  clock: { now(): number; readonly sure: boolean };
  /** When a forced run last succeeded, milliseconds since 1970. */
  lastForcedSuccessMs: () => number | undefined;
  /** When the store was made: nothing before it was missed. */
  createdMs: number;
  /** One forced replication; true when nothing of it is left to try again. */
  replicate: () => Promise<boolean>;
  log: Logger;
}

export class Schedule implements Service {
  readonly name = 'schedule';
  readonly #options: ScheduleOptions;
  readonly #cron: Cron;
  readonly #jitterMs: number;
  /** The next time of the expression, or of what is caught up. */
  #nextMs: number | undefined;
  /** When the last one, which failed, is tried again. */
  #retryMs: number | undefined;
  #endedMs = 0;
  #retries = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#cron = new Cron(options.expression, { timezone: options.timeZone, paused: true });
    this.#jitterMs = villageJitterMs(options.village, options.jitterS);
  }

  /** Canonical instant of the next time, be it skipped or not. */
  get nextAt(): string | undefined {
    return earliest([this.#nextMs, this.#retryMs]);
  }

  /** Canonical instant of the next time that is not skipped, as things stand. */
  get nextForcedAt(): string | undefined {
    const next = this.#nextMs;
    const runs = (ms: number | undefined) => (ms === undefined || this.#skippedFor(ms) !== undefined ? undefined : ms);
    const last = next === undefined ? undefined : this.#skippedFor(next);
    const nextRun = last === undefined ? next : this.#following(last + SKIP_WITHIN_MS - 1);
    return earliest([nextRun, runs(this.#retryMs)]);
  }

  async start(): Promise<void> {
    const { clock } = this.#options;
    this.#isStopped = false;
    this.#nextMs = this.#mayHaveMissed() ? clock.now() + CATCH_UP_AFTER_MS : this.#following(clock.now());
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextMs = undefined;
    this.#retryMs = undefined;
    await this.#running;
  }

  /** The link is back: what failed for want of it is tried again soon. */
  linkRestored(): void {
    if (this.#retryMs === undefined) return;
    this.#retryMs = Math.min(this.#retryMs, Math.max(this.#endedMs + RESTORED_RETRY_MS, this.#options.clock.now()));
    this.#arm();
  }

  /** True when a scheduled time has, or may have, passed since the last success (or since the store was made). */
  #mayHaveMissed(): boolean {
    const { clock, lastForcedSuccessMs, createdMs } = this.#options;
    if (!clock.sure) return true;
    const last = lastForcedSuccessMs();
    // A success in the future was written down by a wrong clock and says nothing.
    const due = this.#following(last === undefined || last > clock.now() ? createdMs : last);
    return due !== undefined && due < clock.now();
  }

  /** The success for which a time is skipped. One that lies in the future is not believed. */
  #skippedFor(ms: number): number | undefined {
    const { clock, lastForcedSuccessMs } = this.#options;
    const last = lastForcedSuccessMs();
    return last !== undefined && last <= clock.now() && ms - last < SKIP_WITHIN_MS ? last : undefined;
  }

  #following(afterMs: number): number | undefined {
    // The delay is part of the time: at 02:05 with a delay of ten minutes today's run is still ahead.
    const next = this.#cron.nextRun(new Date(afterMs - this.#jitterMs));
    return next ? next.getTime() + this.#jitterMs : undefined;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const times = [this.#nextMs, this.#retryMs].filter((ms) => ms !== undefined);
    if (this.#isStopped || times.length === 0) return;
    const delayMs = Math.min(Math.max(Math.min(...times) - this.#options.clock.now(), 0), LOOK_EVERY_MS);
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    const nowMs = this.#options.clock.now();
    if (this.#nextMs !== undefined && nowMs >= this.#nextMs) {
      this.#retries = 0;
      this.#begin();
      this.#nextMs = this.#following(nowMs);
    } else if (this.#retryMs !== undefined && nowMs >= this.#retryMs) {
      this.#begin();
    }
    // A clock set back would otherwise be waited for, for years if it had been that wrong.
    const following = this.#following(nowMs);
    if (this.#nextMs !== undefined && following !== undefined) this.#nextMs = Math.min(this.#nextMs, following);
    if (this.#retryMs !== undefined) this.#retryMs = Math.min(this.#retryMs, nowMs + LONGEST_RETRY_MS);
    this.#arm();
  }

  #begin(): void {
    this.#retryMs = undefined;
    this.#running ??= this.#replicateUnlessDone().finally(() => {
      this.#running = undefined;
      this.#arm();
    });
  }

  async #replicateUnlessDone(): Promise<void> {
    const { clock, replicate, log } = this.#options;
    const last = this.#skippedFor(clock.now());
    if (last !== undefined) {
      log.info('the scheduled replication is skipped: a forced one succeeded within 20 hours', {
        at: formatInstant(last),
      });
      return;
    }
    log.info('the scheduled replication begins');
    const isDone = await replicate().catch((error: unknown) => {
      log.error('the scheduled replication failed in this node', { error: messageOf(error) });
      return false;
    });
    this.#endedMs = clock.now();
    if (isDone || this.#isStopped) return;
    this.#retryMs = this.#endedMs + Math.min(FIRST_RETRY_MS * 2 ** this.#retries, LONGEST_RETRY_MS);
    this.#retries++;
    log.info('the scheduled replication is tried again', { at: formatInstant(this.#retryMs) });
  }
}

function earliest(times: readonly (number | undefined)[]): string | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : formatInstant(Math.min(...known));
}

/** A delay in [0, jitterS) seconds that is always the same for one village. */
export function villageJitterMs(village: string, jitterS: number): number {
  const fraction = createHash('sha256').update(village).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(fraction * jitterS * 1000);
}
