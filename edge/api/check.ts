/**
 * `POST /v1/check` and `POST /v1/repair`: what is stored is looked through, segment by segment, and told as NDJSON, a
 * line as soon as it is known; the last line sums up. A repair then mends what was found damaged and looks again.
 */
import { once } from 'node:events';
import { type RequestHandler, type Response, Router } from 'express';
import { AppError, messageOf, type ShownCode, shownCode } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { numbersGivenTwice } from '../ledger/number-continuity.js';
import { countNumbers, type NumberRange, withoutRanges } from '../ledger/number-ranges.js';
import type { Segment } from '../ledger/segment.js';
import { checkSegment, type SegmentReport } from '../ledger/segment-check.js';
import { storageError } from '../ledger/storage-error.js';
import type { NodeParts } from '../node-parts.js';

/** A segment as it was found. */
export interface SegmentLine extends SegmentReport {
  event: 'segment';
}

/** The same segment after it was repaired. */
export interface RepairedLine {
  event: 'repaired';
  segment: number;
  /** Documents that are whole. */
  kept: number;
  /** Numbers counted as lost by this repair. */
  lost: NumberRange[];
  /** What is still wrong. */
  damaged: string[];
  ok: boolean;
}

/** What the node keeps beside telemetry. */
export interface BookkeepingLine {
  event: 'bookkeeping';
  state: string;
  quarantine: string;
  /** Both can be read; else their texts say what is wrong. */
  ok: boolean;
}

export interface CheckDoneLine {
  event: 'done';
  /** Everything is sound, after a repair: now. */
  ok: boolean;
  segments: number;
  /** Whole documents. */
  documents: number;
  /** Segments in which something is damaged or missing. */
  damaged: number;
  /** Numbers that are accounted for nowhere. */
  missing: number;
  /** Numbers counted as lost in the segments that are there. */
  lost: number;
  /** Segments repaired; with `POST /v1/repair` alone. */
  repaired?: number;
  /** Why it ended early. */
  error?: { code: ShownCode; message: string };
}

export type CheckLine = SegmentLine | RepairedLine | BookkeepingLine | CheckDoneLine;

type CheckedParts = Pick<NodeParts, 'ledger' | 'state' | 'quarantine' | 'stopping'>;

/** Routes `/check` and `/repair`; one of them at a time, a second caller is told `busy`. */
export function checkRoutes(parts: CheckedParts): Router {
  const router = Router();
  let running = false;
  const handler =
    (repairs: boolean): RequestHandler =>
    async (request, response) => {
      if (running) throw new AppError('busy', 'the store is being checked already', { retryAfterS: 10 });
      if (parts.stopping.aborted) throw new AppError('busy', 'the node is stopping', { retryAfterS: 5 });
      running = true;
      try {
        request.resume();
        response.status(200).type('application/x-ndjson');
        // The first segment may take a minute: the caller sees that the node is at it.
        response.flushHeaders();
        await new Run(parts, response).all(repairs);
      } finally {
        running = false;
        response.end();
      }
    };
  router.route('/check').post(handler(false)).all(methodNotAllowed('POST'));
  router.route('/repair').post(handler(true)).all(methodNotAllowed('POST'));
  return router;
}

/** One check, told to one caller; it ends when the caller is gone or the node stops. */
class Run {
  readonly #parts: CheckedParts;
  readonly #response: Response;
  readonly #callerGone = new AbortController();
  readonly #done: CheckDoneLine = {
    event: 'done',
    ok: true,
    segments: 0,
    documents: 0,
    damaged: 0,
    missing: 0,
    lost: 0,
  };

  constructor(parts: CheckedParts, response: Response) {
    this.#parts = parts;
    this.#response = response;
    response.once('close', () => this.#callerGone.abort());
  }

  async all(repairs: boolean): Promise<void> {
    const done = this.#done;
    if (repairs) done.repaired = 0;
    try {
      for (const segment of [...this.#parts.ledger.segments]) await this.#segment(segment, repairs);
      await this.#bookkeeping();
      const twice = numbersGivenTwice(this.#parts.ledger.segments);
      if (twice) throw new AppError('storage_failed', twice);
      if (this.#parts.stopping.aborted) throw new AppError('busy', 'the node is stopping', { retryAfterS: 5 });
    } catch (error) {
      const { code, message } = storageError(error);
      done.ok = false;
      done.error = { code: shownCode(code), message };
    }
    await this.#write(done);
  }

  async #segment(segment: Segment, repairs: boolean): Promise<void> {
    const found = await checkSegment(segment, () => this.#isWanted(segment));
    if (!found) return;
    await this.#write({ event: 'segment', ...found });
    const left = repairs && !found.ok ? await this.#repair(segment, found) : found;
    const done = this.#done;
    done.segments++;
    done.documents += left.documents;
    done.missing += countNumbers(left.missing);
    done.lost += segment.lost;
    if (!found.ok) done.damaged++;
    if (!left.ok) done.ok = false;
  }

  /** Waits for the repair; throws when it cannot be done now, such as on a full disk. */
  async #repair(segment: Segment, found: SegmentReport): Promise<SegmentReport> {
    const { ledger } = this.#parts;
    const before = segment.delivery.lost;
    const { record, lastSeq } = segment;
    segment.condemn(found.damaged[0] ?? 'documents in it are missing', record.lastSeq ?? lastSeq);
    // A repair that was under way already has begun without this segment.
    for (let n = 0; n < 2 && segment.damage && this.#isWanted(segment); n++) await ledger.repair();
    const left = (await checkSegment(segment)) ?? found;
    const { damaged, ok, documents: kept } = left;
    const lost = withoutRanges(segment.delivery.lost, before);
    await this.#write({ event: 'repaired', segment: segment.number, kept, lost, damaged, ok });
    this.#done.repaired = (this.#done.repaired ?? 0) + 1;
    return left;
  }

  async #bookkeeping(): Promise<void> {
    const { state, quarantine } = this.#parts;
    const [stateIs, quarantineIs] = await Promise.all([readable(state), readable(quarantine)]);
    const ok = stateIs === 'readable' && quarantineIs === 'readable';
    if (!ok) this.#done.ok = false;
    await this.#write({ event: 'bookkeeping', state: stateIs, quarantine: quarantineIs, ok });
  }

  /** False once the segment is deleted, or nobody waits for the answer. */
  #isWanted(segment: Segment): boolean {
    const { ledger, stopping } = this.#parts;
    return !stopping.aborted && !this.#callerGone.signal.aborted && ledger.segments.includes(segment);
  }

  async #write(line: CheckLine): Promise<void> {
    const response = this.#response;
    const { signal } = this.#callerGone;
    if (signal.aborted || response.write(`${JSON.stringify(line)}\n`)) return;
    // A caller that reads slowly is waited for, and not one that is gone.
    await once(response, 'drain', { signal }).catch(() => undefined);
  }
}

async function readable(store: { verify(): Promise<void> }): Promise<string> {
  try {
    await store.verify();
    return 'readable';
  } catch (error) {
    return messageOf(error);
  }
}
