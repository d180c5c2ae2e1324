/**
 * What a node at work does beside requests: tells of its boot, of clock steps and of numbers that will not arrive,
 * remembers the time, keeps alerts current, reports to the centre.
 */
import type { Service } from '../../shared/service.js';
import { formatInstant } from '../../shared/time.js';
import { version } from '../../shared/version.js';
import { statusOf } from '../api/status.js';
import type { ClockGuard } from '../ledger/clock-guard.js';
import type { StoreState } from '../ledger/store-state.js';
import type { NodeParts } from '../node-parts.js';
import { AccountedNumbers } from './accounted-numbers.js';

const HOUSEKEEPING_EVERY_MS = 5_000;
const CLOCK_WRITTEN_EVERY_MS = 600_000;

export class Housekeeping implements Service {
  readonly name = 'housekeeping';
  readonly #parts: NodeParts;
  #timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock. */
  #clockKeptMs: number | undefined;
  #tellingSteps: Promise<void> | undefined;
  #looking: Promise<unknown> | undefined;
  readonly #accounted: AccountedNumbers;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { ledger, ingest, clock } = parts;
    this.#accounted = new AccountedNumbers({
      segments: () => ledger.segments,
      submitEvent: (event, fields) => ingest.submitEvent(event, fields),
      monotonic: () => clock.monotonic(),
    });
  }

  async start(): Promise<void> {
    await this.#tellBoot();
    this.#timer = setInterval(() => this.#look(), HOUSEKEEPING_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#tellSteps();
  }

  #look(): void {
    const { ledger, log } = this.#parts;
    void this.#tellSteps();
    this.#keepClock();
    this.#accounted.tell().catch((error: unknown) => {
      log.verbose('numbers accounted for could not be told yet', { error: String(error) });
    });
    // Nobody may be posting: what a full disk has closed is opened again for the push all the same.
    ledger.keepUp().catch((error: unknown) => log.verbose('the store cannot be written yet', { error: String(error) }));
    this.#looking = this.#lookAtStatus().catch((error: unknown) => {
      log.verbose('the status cannot be told', { error: String(error) });
    });
  }

  async #lookAtStatus(): Promise<void> {
    const { alertBook, alerts, stats } = this.#parts;
    const status = await statusOf(this.#parts);
    await alertBook.note(status.alerts, alerts.loss);
    await stats.look();
    // Nobody is there to read the report of a node without a centre.
    if (this.#parts.sync) await this.#parts.report.look(status);
  }

  #keepClock(): void {
    const { clock, state, log } = this.#parts;
    const nowMs = clock.monotonic();
    const isOld = this.#clockKeptMs === undefined || nowMs - this.#clockKeptMs >= CLOCK_WRITTEN_EVERY_MS;
    if (!isOld && !clock.reservationDue) return;
    this.#clockKeptMs = nowMs;
    keepClock(state, clock).catch((error: unknown) => {
      log.warn('the time could not be written down', { error: String(error) });
    });
  }

  /** A step that cannot be stored now (the disk is full, say) is told later. */
  #tellSteps(): Promise<void> {
    this.#tellingSteps ??= this.#tellEachStep().finally(() => {
      this.#tellingSteps = undefined;
    });
    return this.#tellingSteps;
  }

  async #tellEachStep(): Promise<void> {
    const { clock, ingest, log } = this.#parts;
    // Notices a step that nobody has seen yet.
    clock.now();
    try {
      for (let step = clock.nextStep; step; step = clock.nextStep) {
        const fields = { from: formatInstant(step.fromMs), to: formatInstant(step.toMs) };
        await ingest.submitEvent('clock-step', fields);
        clock.stepTold(step);
      }
    } catch (error) {
      log.verbose('a step of the clock could not be told yet', { error: String(error) });
    }
  }

  /** A boot that cannot be stored (the disk is full, say) must not keep the node from its work. */
  async #tellBoot(): Promise<void> {
    const { ingest, log } = this.#parts;
    await ingest.submitEvent('boot', { version }).catch((error: unknown) => {
      log.warn('the event boot could not be stored', { error: String(error) });
    });
  }
}

/** Writes down what must be known of the clock at the next start. */
export async function keepClock(state: StoreState, clock: ClockGuard): Promise<void> {
  const record = clock.recordToKeep();
  await state.writeClock(record);
  clock.kept(record);
}
