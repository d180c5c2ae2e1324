/**
 * Runs pushes: one at a time, over all segments that have something pending, in a session with the centre that is kept
 * between runs (`push-sessions.ts`).
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { formatInstant } from '../../shared/time.js';
import type { ClockGuard } from '../ledger/clock-guard.js';
import type { Ledger } from '../ledger/ledger.js';
import type { NumberRange } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import type { SpaceKeeper } from '../ledger/space-keeper.js';
import type { StoreState } from '../ledger/store-state.js';
import type { Link } from '../link/link.js';
import { LinkError } from '../link/link-error.js';
import { BatchSizer } from './batch-sizer.js';
import { Centre } from './centre.js';
import { CentreAudit } from './centre-audit.js';
import { DeliveryProof } from './delivery-proof.js';
import { Drain } from './drain.js';
import { FreshLane } from './fresh-lane.js';
import { isNotYet } from './not-yet.js';
import type { AnsweredBatch, BatchCounts, PushContext } from './push-context.js';
import type { PushSession } from './push-session.js';
import { PushSessions } from './push-sessions.js';
import { recoverQuarantine } from './quarantine-recovery.js';
import { retryPostponed, retryQuarantined } from './quarantine-retry.js';
import type { QuarantineStore } from './quarantine-store.js';
import { RefusalWindow } from './refusal-window.js';
import { RightOfWay } from './right-of-way.js';
import { tidyUp } from './tidying.js';

const TIDY_EVERY_MS = 900_000;
/** Batches; on a LAN some 12,000 documents. */
const RELEASE_EVERY = 3;

export interface PusherOptions {
  ledger: Ledger;
  keeper: Pick<SpaceKeeper, 'segmentsToConfirmAgain'>;
  state: StoreState;
  link: Link;
  quarantine: QuarantineStore;
  clock: ClockGuard;
  log: Logger;
  /** Whoever takes it has the push hand nothing more over for a while. */
  rightOfWay?: RightOfWay;
}

/** Running totals; a run's figures are differences of them. */
export interface PushTotals {
  /** Documents sent and taken by the centre. */
  sent: number;
  /** Those of the sent that the centre held already, under another number. */
  held: number;
  quarantined: number;
}

export class Pusher {
  readonly #options: PusherOptions;
  readonly #centre: Centre;
  readonly #audit: CentreAudit;
  readonly #sizer = new BatchSizer();
  readonly #freshLane: FreshLane;
  readonly #refusals = new RefusalWindow();
  readonly #rightOfWay: RightOfWay;
  readonly #listeners = new Set<() => void>();
  readonly #answerListeners = new Set<(answered: AnsweredBatch) => void>();
  readonly #totals: PushTotals = { sent: 0, held: 0, quarantined: 0 };
  readonly #sessions: PushSessions;
  #runs = 0;
  #isRefusedInFloods = false;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#rightOfWay = options.rightOfWay ?? new RightOfWay();
    this.#centre = new Centre(options.link, (centreMs) => options.clock.compareWith(centreMs));
    this.#audit = new CentreAudit({ ...options, centre: this.#centre });
    this.#freshLane = new FreshLane(options.ledger, this.#sizer);
    this.#sessions = new PushSessions({
      ...{ ledger: options.ledger, log: options.log, centre: this.#centre, audit: this.#audit },
      proof: new DeliveryProof(this.#centre),
      isFlooded: () => this.#refusals.isFlooded,
      nowText: () => this.#nowText(),
    });
  }

  get totals(): Readonly<PushTotals> {
    return this.#totals;
  }

  /** Calls back after every batch the centre has answered; returns the way to end that. */
  onBatch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back with what is known of each batch the centre has answered; returns the way to end that. */
  onAnswered(listener: (answered: AnsweredBatch) => void): () => void {
    this.#answerListeners.add(listener);
    return () => this.#answerListeners.delete(listener);
  }

  /** The centre refused so many of the last documents that the fault must be its own. */
  get isRefusedInFloods(): boolean {
    return this.#isRefusedInFloods;
  }

  /**
   * Pushes until nothing is pending. A `fresh` run starts a new session, offers quarantined documents again, holds
   * everything kept against the centre, and ends when everything stored at its start is accounted for; another run ends
   * early, with what is on its way, when `yields` says so. Throws LinkError. One run at a time is the caller's part.
   */
  async run(fresh: boolean, signal: AbortSignal, yields: () => boolean = () => false): Promise<void> {
    const { ledger, quarantine, log } = this.#options;
    const number = ++this.#runs;
    this.#refusals.beginRun();
    try {
      // What is sent must be written down as delivered; a store that cannot would send it again and again.
      await ledger.heal();
      if (await recoverQuarantine(quarantine, ledger.segments)) this.#sessions.leave();
      const { isAway } = this.#sessions;
      const session = await this.#sessions.open(fresh, signal);
      await retryQuarantined(ledger, this.#context(session, signal), fresh ? 'not postponed' : 'due');
      await this.#freshLane.openForBacklog(isAway);
      const push = () => this.#drain(session, fresh ? this.#untilReached(session) : this.#forAWhile(yields), signal);
      const isAudited = !fresh || (await this.#auditUnlessBusy(session, signal));
      await push();
      // What is delivered is delivered, proven or not: the next forced run asks again.
      if (!isAudited) {
        if (await this.#auditUnlessBusy(session, signal)) await push();
        else log.warn('the centre cannot prove now what it holds; it is asked again in the next forced run');
      }
      if (fresh) {
        await retryPostponed(ledger, this.#context(session, signal));
        await this.#writeCheckpoints(session, signal);
      }
      // What the centre turned out to lack is sent again, once a run: a centre that keeps losing it is not to be spun on.
      if (await this.#tidyUp(session, signal, yields)) await push();
      // Under steady data there is always something to send; what can wait had its turn now.
      while (!fresh && !yields() && this.#hasUnsent(session)) {
        await push();
        await this.#tidyUp(session, signal, yields);
      }
    } catch (error) {
      // One that was called off and left behind has no say in what the next one does.
      if (number === this.#runs) this.#sessions.doubt(error, signal.aborted);
      // What did not reach the centre says nothing of what it refuses.
      const isAnswer = error instanceof LinkError && !error.linkDown;
      if (isAnswer) this.#isRefusedInFloods = this.#refusals.wasFlood;
      throw error;
    }
  }

  /** Where there is a backlog, what comes in from now on goes before it. Rejects as `Ledger.roll` does. */
  openFreshLane(): Promise<void> {
    return this.#freshLane.openForBacklog(true);
  }

  /**
   * Writes the checkpoints that are behind, as a courtesy to the next start; not being able to costs nothing but bytes.
   */
  async writeCheckpoints(signal: AbortSignal): Promise<void> {
    const { current } = this.#sessions;
    if (current) await this.#writeCheckpoints(current, signal);
  }

  /** False while the centre cannot give receipts, as after it took very much: what is pending need not wait for that. */
  async #auditUnlessBusy(session: PushSession, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#audit.audit(session, signal);
      return true;
    } catch (error) {
      if (!isNotYet(error)) throw error;
      return false;
    }
  }

  /** Until something more urgent waits, or so long that what else there is to do should have its turn. */
  #forAWhile(yields: () => boolean): () => boolean {
    const untilMs = performance.now() + TIDY_EVERY_MS;
    return () => !yields() && performance.now() < untilMs;
  }

  #hasUnsent(session: PushSession): boolean {
    return this.#options.ledger.segments.some((segment) => session.hasUnsent(segment));
  }

  /** True as long as something stored now is not accounted for: in a busy village a forced run would never end. */
  #untilReached(session: PushSession): () => boolean {
    const { ledger } = this.#options;
    const targets = new Map(ledger.segments.map((segment) => [segment.number, segment.count]));
    return () => ledger.segments.some((segment) => session.hasUnsent(segment, targets.get(segment.number) ?? 0));
  }

  #drain(session: PushSession, goesOn: () => boolean, signal: AbortSignal): Promise<void> {
    const { ledger, link } = this.#options;
    let batches = 0;
    return new Drain({
      ...{ ledger, link, goesOn, sizer: this.#sizer, rightOfWay: this.#rightOfWay },
      context: this.#context(session, signal),
      pushOf: (segment) => session.pushOf(segment),
      hasUnsent: (segment) => session.hasUnsent(segment),
      enter: (segment) => session.enter(segment, signal),
      afterBatch: async (segment) => {
        if (await session.writeCheckpoint(segment, 'due', signal)) await this.#audit.assertSame(session, signal);
        await this.#freshLane.openForBacklog(false);
        // Nothing more is to be read from it for a while; and of a long drain LevelDB would keep every table mapped.
        if (segment.sealed && (segment.pending === 0 || ++batches % RELEASE_EVERY === 0)) segment.release();
      },
    }).run();
  }

  /** True when the centre lacks what it had taken. Not being able to now is no failure of the run. */
  async #tidyUp(session: PushSession, signal: AbortSignal, yields: () => boolean): Promise<boolean> {
    const { ledger, keeper, state, log } = this.#options;
    let isMissing = false;
    try {
      await tidyUp({
        ...{ ledger, keeper, state, log, yields, signal, centre: this.#centre, proof: session.proof },
        nowText: () => this.#nowText(),
        seenSince: (segment) => session.seenSince(segment),
        assertSame: async () => {
          await this.#centre.assertNotSetBack(signal);
          await this.#audit.assertSame(session, signal);
        },
        isWorthAsking: (segment) => session.isWorthAsking(segment),
        onMissing: (segment: Segment, numbers: readonly NumberRange[]) => {
          isMissing = true;
          return session.sendAgain(segment, numbers);
        },
      });
      return isMissing;
    } catch (error) {
      if (signal.aborted) throw error;
      log.verbose('segments could not be confirmed now', { error: messageOf(error) });
      this.#sessions.doubt(error, false);
      return false;
    }
  }

  async #writeCheckpoints(session: PushSession, signal: AbortSignal): Promise<void> {
    let isWritten = false;
    for (const segment of this.#options.ledger.segments) {
      if (segment.damage) continue;
      if (await session.writeCheckpoint(segment, 'now', signal)) isWritten = true;
    }
    if (isWritten) await this.#audit.assertSame(session, signal);
  }

  #count({ taken, held, quarantined }: BatchCounts): void {
    this.#totals.sent += taken;
    this.#totals.held += held;
    this.#totals.quarantined += quarantined;
    for (const listener of this.#listeners) listener();
  }

  #nowText(): string {
    return formatInstant(this.#options.clock.now());
  }

  #context(session: PushSession, signal: AbortSignal): PushContext {
    const { quarantine, log } = this.#options;
    return {
      ...{ centre: this.#centre, identity: session.identity, quarantine, log, signal },
      refusals: this.#refusals,
      nowText: () => this.#nowText(),
      repair: () => this.#options.ledger.repair(),
      onBatch: (counts) => this.#count(counts),
      onAnswered: (answered) => {
        for (const listener of this.#answerListeners) listener(answered);
      },
    };
  }
}
