/**
 * Runs pushes: one at a time, over all segments that have something pending.
 *
 * A session with the centre (who it is, what the checkpoints say) is kept between runs, so that a fresh document costs
 * one request; it is dropped at every failure but a broken link, and at every forced run, which therefore notices a
 * centre that was wiped or restored.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { formatInstant } from '../../shared/time.js';
import type { ClockGuard } from '../ledger/clock-guard.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Segment } from '../ledger/segment.js';
import type { SpaceKeeper } from '../ledger/space-keeper.js';
import type { StoreState } from '../ledger/store-state.js';
import type { Link } from '../link/link.js';
import { LinkError } from '../link/link-error.js';
import { BatchSizer } from './batch-sizer.js';
import { Centre, type CentreIdentity } from './centre.js';
import { Checkpoint } from './checkpoint.js';
import { type PushContext, type PushPosition, pushSegment } from './push-segment.js';
import { recoverQuarantine } from './quarantine-recovery.js';
import { retryQuarantined } from './quarantine-retry.js';
import type { QuarantineStore } from './quarantine-store.js';
import { RefusalWindow } from './refusal-window.js';
import { tidyUp } from './tidying.js';

/** Checkpoints are an economy; their own cost is kept small beside what they save. */
const CHECKPOINT_EVERY_MS = 60_000;
const CHECKPOINT_EVERY_DOCUMENTS = 10_000;

export interface PusherOptions {
  ledger: Ledger;
  keeper: Pick<SpaceKeeper, 'segmentsToConfirmAgain'>;
  state: StoreState;
  link: Link;
  quarantine: QuarantineStore;
  clock: ClockGuard;
  log: Logger;
}

/** Running totals; a run's figures are differences of them. */
export interface PushTotals {
  /** Documents sent and taken by the centre. */
  sent: number;
  quarantined: number;
}

interface SegmentSession {
  checkpoint: Checkpoint;
  position: PushPosition;
  /** Local sequence and time of the checkpoint written last. */
  writtenSeq: number;
  writtenMs: number;
}

interface Session {
  identity: CentreIdentity;
  segments: Map<number, SegmentSession>;
  /** The link broke: who answers must be asked again. */
  interrupted: boolean;
}

export class Pusher {
  readonly #options: PusherOptions;
  readonly #centre: Centre;
  readonly #batchSizer = new BatchSizer();
  readonly #refusals = new RefusalWindow();
  readonly #listeners = new Set<() => void>();
  readonly #totals: PushTotals = { sent: 0, quarantined: 0 };
  #session: Session | undefined;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#centre = new Centre(options.link, (centreMs) => options.clock.compareWith(centreMs));
  }

  get totals(): Readonly<PushTotals> {
    return this.#totals;
  }

  /** Calls back after every batch the centre has answered; returns the way to end that. */
  onBatch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Pushes until nothing is pending. A `fresh` run starts a new session, offers quarantined documents again, holds
   * every segment against the centre's checkpoint, and ends when everything stored at its start is accounted for;
   * another run ends early, after a batch, when `yields` says so. Throws LinkError. One run at a time is the caller's
   * part.
   */
  async run(fresh: boolean, signal: AbortSignal, yields: () => boolean = () => false): Promise<void> {
    try {
      // What is sent must be written down as delivered; a store that cannot would send it again and again.
      await this.#options.ledger.heal();
      if (await recoverQuarantine(this.#options.quarantine, this.#options.ledger.segments)) this.#session = undefined;
      const session = await this.#openSession(fresh, signal);
      const context = this.#context(session.identity, signal);
      await retryQuarantined(this.#options.ledger, context, fresh ? 'all' : 'due');
      const push = () => (fresh ? this.#pushWhatIsThere(session, signal) : this.#pushAll(session, signal, yields));
      await push();
      // What the centre turned out to lack is sent again, once a run: a centre that keeps losing it is not to be spun on.
      if (await this.#tidyUp(session, signal, yields)) await push();
    } catch (error) {
      this.#leaveSession(error, signal.aborted);
      throw error;
    }
  }

  async #openSession(fresh: boolean, signal: AbortSignal): Promise<Session> {
    if (fresh) this.#session = undefined;
    if (this.#session && !this.#session.interrupted) return this.#session;
    const identity = await this.#centre.identify(signal);
    const { identity: known, segments } = this.#session ?? {};
    const isSame = known?.uuid === identity.uuid && known.kind === identity.kind;
    this.#session = { identity, segments: isSame && segments ? segments : new Map(), interrupted: false };
    return this.#session;
  }

  /**
   * What a failure makes doubtful. A link that broke says nothing about what the centre holds: the same centre is sent
   * only what it had not answered for, or a link that breaks every minute would be spent on asking. After any other
   * failure everything is asked anew.
   */
  #leaveSession(error: unknown, calledOff: boolean): void {
    if (calledOff) return;
    if (this.#session && error instanceof LinkError && error.linkDown) this.#session.interrupted = true;
    else this.#session = undefined;
  }

  /**
   * Writes the checkpoints that are behind, as a courtesy to the next start; not being able to costs nothing but bytes.
   */
  async writeCheckpoints(signal: AbortSignal): Promise<void> {
    for (const session of this.#session?.segments.values() ?? []) await this.#writeCheckpoint(session, signal);
  }

  async #pushAll(session: Session, signal: AbortSignal, yields: () => boolean): Promise<void> {
    const { ledger } = this.#options;
    for (;;) {
      // A damaged one is repaired meanwhile; the others must not wait for it.
      const due = ledger.segments.filter((segment) => segment.pending > 0 && !segment.damage);
      if (due.length === 0) return;
      for (const segment of due) {
        if (yields()) return;
        await this.#pushOne(segment, () => (yields() ? 0 : segment.count), session, signal);
      }
    }
  }

  async #pushWhatIsThere(session: Session, signal: AbortSignal): Promise<void> {
    await this.#options.ledger.repair();
    // What comes in meanwhile is left to the next run, or a busy village would never let this one end.
    const counts = this.#options.ledger.segments.map((segment) => ({ segment, count: segment.count }));
    for (const { segment, count } of counts) {
      await this.#pushOne(segment, () => count, session, signal);
      const pushed = session.segments.get(segment.number);
      if (pushed) await this.#writeCheckpoint(pushed, signal);
    }
  }

  async #pushOne(segment: Segment, upTo: () => number, session: Session, signal: AbortSignal): Promise<void> {
    const current = session.segments.get(segment.number) ?? (await this.#enter(segment, session, signal));
    const { position } = current;
    const context = this.#context(session.identity, signal);
    // In a long drain, too, or all of it would be in doubt after the first failure; but never before a batch, which may
    // be fresh data.
    while (position.localSeq < upTo()) {
      const from = position.localSeq;
      const upToCheckpoint = () => (position.localSeq > from && isCheckpointDue(current) ? 0 : upTo());
      await pushSegment(segment, position, upToCheckpoint, context);
      if (isCheckpointDue(current)) await this.#writeCheckpoint(current, signal);
    }
    if (segment.sealed) await this.#writeCheckpoint(current, signal);
  }

  /** True when the centre lacks what it had taken. Not being able to now is no failure of the run. */
  async #tidyUp(session: Session, signal: AbortSignal, yields: () => boolean): Promise<boolean> {
    const { ledger, keeper, state, clock, log } = this.#options;
    let isMissing = false;
    const onMissing = ({ number }: Segment) => {
      isMissing = true;
      // It is sent from where it is missing.
      session.segments.delete(number);
    };
    try {
      const nowText = () => formatInstant(clock.now());
      await tidyUp({ centre: this.#centre, ledger, keeper, state, log, nowText, yields, signal, onMissing });
      return isMissing;
    } catch (error) {
      if (signal.aborted) throw error;
      log.verbose('segments could not be confirmed now', { error: messageOf(error) });
      this.#leaveSession(error, false);
      return false;
    }
  }

  async #enter(segment: Segment, session: Session, signal: AbortSignal): Promise<SegmentSession> {
    const { checkpoint, since } = await Checkpoint.read(segment, this.#centre, session.identity, signal);
    const { deliveredSeq } = segment.delivery;
    const position = { localSeq: Math.min(since, deliveredSeq), doubtfulUpTo: Math.max(since, deliveredSeq) };
    const entered = { checkpoint, position, writtenSeq: since, writtenMs: performance.now() };
    session.segments.set(segment.number, entered);
    return entered;
  }

  async #writeCheckpoint(session: SegmentSession, signal: AbortSignal): Promise<void> {
    const { localSeq } = session.position;
    if (localSeq === session.writtenSeq) return;
    await session.checkpoint.write(localSeq, signal);
    session.writtenSeq = localSeq;
    session.writtenMs = performance.now();
  }

  #count(taken: number, quarantined: number): void {
    this.#totals.sent += taken;
    this.#totals.quarantined += quarantined;
    for (const listener of this.#listeners) listener();
  }

  #context(identity: CentreIdentity, signal: AbortSignal): PushContext {
    const { quarantine, clock, log } = this.#options;
    return {
      ...{ centre: this.#centre, identity, quarantine, log, signal },
      batchSizer: this.#batchSizer,
      refusals: this.#refusals,
      nowText: () => formatInstant(clock.now()),
      repair: () => this.#options.ledger.repair(),
      onBatch: (taken, quarantined) => this.#count(taken, quarantined),
    };
  }
}

function isCheckpointDue({ position, writtenSeq, writtenMs }: SegmentSession): boolean {
  const documents = position.localSeq - writtenSeq;
  if (documents <= 0) return false;
  return performance.now() - writtenMs > CHECKPOINT_EVERY_MS || documents > CHECKPOINT_EVERY_DOCUMENTS;
}
