/**
 * Keeps the link busy: reads batches of the segments that have something to send, hands them over in the order of the
 * lanes, two of the backlog at a time, and has each accounted for.
 *
 * On a slow link the second batch is made ready while the first is on its way, and handed over when that has nearly
 * left: so the link is never idle, and fresh data, which does not wait, finds at most one batch before it.
 */
import { sleep } from '../../shared/time.js';
import { DamagedError } from '../ledger/damaged-error.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Segment } from '../ledger/segment.js';
import type { Link } from '../link/link.js';
import { LinkError } from '../link/link-error.js';
import type { BatchSizer } from './batch-sizer.js';
import { sendBisecting } from './bisecting.js';
import type { PreparedDocuments } from './centre.js';
import { type InFlight, laneOf, nextToSend } from './lanes.js';
import type { PushContext } from './push-context.js';
import type { RightOfWay } from './right-of-way.js';
import type { Batch, BatchOutcome, SegmentPush } from './segment-push.js';

/** The next batch is handed over when what was before is estimated to have left in so long. */
const HEADROOM_MS = 1_000;
const LOOK_EVERY_MS = 50;

export interface DrainOptions {
  ledger: Pick<Ledger, 'segments' | 'onAppended'>;
  link: Pick<Link, 'uploadLeftMs'>;
  sizer: BatchSizer;
  /** While it is taken nothing more is handed over. */
  rightOfWay: RightOfWay;
  context: PushContext;
  /** The push of a segment as it stands; undefined where none has begun. */
  pushOf(segment: Segment): SegmentPush | undefined;
  /** True while some of a segment is to be sent, unless it is damaged: the others must not wait for its repair. */
  hasUnsent(segment: Segment): boolean;
  /** Begins one, or finds out what is in doubt of one. */
  enter(segment: Segment): Promise<SegmentPush>;
  /** After each batch accounted for; not waited for by the next one. */
  afterBatch(segment: Segment): Promise<void>;
  /** False when nothing more is to be handed over. */
  goesOn(): boolean;
}

export class Drain {
  readonly #options: DrainOptions;
  readonly #inFlight: InFlight = { fresh: 0, backlog: 0 };
  readonly #tasks = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /**
   * Resolves when nothing is left to send, or to be sent now. Throws the first failure, or why the run was called off,
   * when everything else that was on its way has ended.
   */
  async run(): Promise<void> {
    const unsubscribe = this.#options.ledger.onAppended(() => this.#wake());
    try {
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        const segment = this.#next();
        if (segment) await this.#dispatch(segment).catch((error: unknown) => this.#fail(error));
        else if (this.#tasks.size === 0) break;
        else await woken;
      }
    } finally {
      unsubscribe();
    }
    if (this.#failure) throw this.#failure.error;
    // A run that was called off with nothing on its way has failed in nothing, and must end all the same.
    this.#options.context.signal.throwIfAborted();
  }

  #next(): Segment | undefined {
    const { ledger, context, goesOn, hasUnsent } = this.#options;
    if (this.#failure || context.signal.aborted || !goesOn()) return undefined;
    return nextToSend(ledger.segments.filter(hasUnsent), this.#inFlight);
  }

  async #dispatch(segment: Segment): Promise<void> {
    const { context, sizer, enter, pushOf, afterBatch } = this.#options;
    const begun = pushOf(segment);
    const push = begun && !begun.isInDoubt ? begun : await enter(segment);
    if (push.readSeq >= segment.count) return;
    const batch = await push.read(segment, sizer.size, context).catch((error: unknown) => {
      // It stays damaged for now: the others must not wait for it.
      if (error instanceof DamagedError && segment.damage) return undefined;
      throw error;
    });
    if (!batch) return;
    const lane = laneOf(segment);
    this.#inFlight[lane]++;
    const accounting = push
      .account(segment, batch, this.#send(segment, batch), context)
      .catch((error: unknown) => {
        // Against a centre that refuses everything smaller batches do not help; they only cost less.
        if (error instanceof LinkError && error.blocks) sizer.refused();
        throw error;
      })
      .finally(() => {
        this.#inFlight[lane]--;
      });
    this.#track(accounting.then(() => this.#track(afterBatch(segment))));
  }

  async #send(segment: Segment, batch: Batch): Promise<readonly BatchOutcome[]> {
    const { documents } = batch;
    const { centre, signal } = this.#options.context;
    if (documents.length === 0) return [];
    if (!batch.isDoubtful) return this.#deliver(segment, await centre.prepare(documents));
    const missing = await centre.missing(documents, signal);
    const due = documents.filter(({ _id }) => missing.has(_id));
    await this.#noteMissing(segment, batch, due);
    const outcomes = due.length === 0 ? [] : await this.#deliver(segment, await centre.prepare(due));
    const byId = new Map(due.map(({ _id }, index) => [_id, outcomes[index]]));
    return documents.map(({ _id }): BatchOutcome => byId.get(_id) ?? { result: 'held' });
  }

  async #deliver(segment: Segment, prepared: PreparedDocuments): Promise<readonly BatchOutcome[]> {
    const { context, sizer } = this.#options;
    await this.#untilTurn(this.#isExpress(segment));
    const sentMs = performance.now();
    try {
      const { outcomes, fits } = await sendBisecting(prepared.documents, context, prepared);
      const answeredMs = performance.now();
      context.onAnswered?.({ documents: outcomes.length, durationMs: answeredMs - sentMs });
      const isFlooded = context.refusals.isFlooded || outcomes.every(({ result }) => result === 'refused');
      if (isFlooded) sizer.refused();
      else sizer.answered({ documents: outcomes.length, sentMs, answeredMs });
      if (fits !== undefined) sizer.tooLarge(fits);
      return outcomes;
    } catch (error) {
      if (!(error instanceof LinkError && error.blocks)) sizer.failed();
      throw error;
    }
  }

  /** The centre lacks what it had taken: that is the truth from now on, whatever comes next. */
  async #noteMissing(segment: Segment, { afterSeq }: Batch, missing: Batch['documents']): Promise<void> {
    const deliveredUpTo = segment.firstSeq + segment.delivery.deliveredSeq - 1;
    // They stand in the order of sending, not of their numbers.
    if (!missing.some(({ seq }) => seq <= deliveredUpTo)) return;
    const { log } = this.#options.context;
    log.warn('the centre no longer holds documents it had; they are sent again', { segment: segment.number });
    await segment.updateDelivery((delivery) => ({
      ...delivery,
      deliveredSeq: Math.min(delivery.deliveredSeq, afterSeq),
    }));
  }

  #isExpress(segment: Segment): boolean {
    return laneOf(segment) === 'fresh' && this.#inFlight.backlog > 0;
  }

  /** What is express waits for no other batch, and everything for whoever has the right of way. */
  async #untilTurn(isExpress: boolean): Promise<void> {
    const { link, rightOfWay, context } = this.#options;
    const { signal } = context;
    for (;;) {
      const leftMs = isExpress ? 0 : link.uploadLeftMs - HEADROOM_MS;
      const isFree = leftMs <= 0 && !rightOfWay.isTaken;
      if (isFree || signal.aborted || this.#failure) return;
      // Where one is answered early, the estimate was wrong, and there is room at once.
      await sleep(leftMs > 0 ? Math.min(leftMs, LOOK_EVERY_MS) : LOOK_EVERY_MS, signal);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  #track(work: Promise<void>): void {
    const task = work
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#tasks.delete(task);
        this.#wake();
      });
    this.#tasks.add(task);
  }
}
