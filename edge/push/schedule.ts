/**
 * The node's own forced replication, by default at 2 AM.
 *
 * A village keeps its own constant delay after the scheduled time, so that a thousand villages do not arrive at once. A
 * time missed while powered off is caught up after the start; a time is skipped when a forced run (a CronJob's, say)
 * succeeded within 20 hours.
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

export interface ScheduleOptions {
  /** Cron expression, five or six fields. */
  expression: string;
  timeZone: string;
  /** Largest delay; the village's own lies in [0, jitterS). */
  jitterS: number;
  village: string;
  /** Milliseconds since 1970. */
  now: () => number;
  /** When a forced run last succeeded, milliseconds since 1970. */
  lastForcedSuccessMs: () => number | undefined;
  /** When the store was made: nothing before it was missed. */
  createdMs: number;
  replicate: () => Promise<void>;
  log: Logger;
}

export class Schedule implements Service {
  readonly name = 'schedule';
  readonly #options: ScheduleOptions;
  readonly #cron: Cron;
  readonly #jitterMs: number;
  #nextMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#cron = new Cron(options.expression, { timezone: options.timeZone, paused: true });
    this.#jitterMs = villageJitterMs(options.village, options.jitterS);
  }

  /** Canonical instant of the next forced replication. */
  get nextAt(): string | undefined {
    return this.#nextMs === undefined ? undefined : formatInstant(this.#nextMs);
  }

  async start(): Promise<void> {
    const { now } = this.#options;
    this.#nextMs = this.#missedSince() ? now() + CATCH_UP_AFTER_MS : this.#following(now());
    this.#arm();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#nextMs = undefined;
    await this.#running;
  }

  /** True when a scheduled time has passed since the last success (or since the store was made). */
  #missedSince(): boolean {
    const { now, lastForcedSuccessMs, createdMs } = this.#options;
    const last = lastForcedSuccessMs();
    // A success in the future was written down by a wrong clock and says nothing.
    const due = this.#following(last === undefined || last > now() ? createdMs : last);
    return due !== undefined && due < now();
  }

  #following(afterMs: number): number | undefined {
    // The delay is part of the time: at 02:05 with a delay of ten minutes today's run is still ahead.
    const next = this.#cron.nextRun(new Date(afterMs - this.#jitterMs));
    return next ? next.getTime() + this.#jitterMs : undefined;
  }

  #arm(): void {
    if (this.#nextMs === undefined) return;
    const delayMs = Math.min(Math.max(this.#nextMs - this.#options.now(), 0), LOOK_EVERY_MS);
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }

  #look(): void {
    const { now } = this.#options;
    if (this.#nextMs !== undefined && now() >= this.#nextMs) {
      this.#running = this.#due().catch((error: unknown) => {
        this.#options.log.error('the scheduled replication failed in this node', { error: messageOf(error) });
      });
      this.#nextMs = this.#following(now());
    }
    // A clock set back would otherwise be waited for, for years if it had been that wrong.
    const following = this.#following(now());
    if (this.#nextMs !== undefined && following !== undefined) this.#nextMs = Math.min(this.#nextMs, following);
    this.#arm();
  }

  async #due(): Promise<void> {
    const { now, lastForcedSuccessMs, replicate, log } = this.#options;
    const last = lastForcedSuccessMs();
    if (last !== undefined && last <= now() && now() - last < SKIP_WITHIN_MS) {
      log.info('the scheduled replication is skipped: a forced one succeeded within 20 hours', {
        at: formatInstant(last),
      });
      return;
    }
    log.info('the scheduled replication begins');
    await replicate();
  }
}

/** A delay in [0, jitterS) seconds that is always the same for one village. */
export function villageJitterMs(village: string, jitterS: number): number {
  const fraction = createHash('sha256').update(village).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(fraction * jitterS * 1000);
}
