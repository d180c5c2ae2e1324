/**
 * The devices of a village at work: as the simulated clock runs, their heartbeats are posted to the node, in order,
 * until each is acknowledged.
 *
 * Invariants: the simulated clock does not overtake this machine's, and goes along with it once it has caught up, since
 * a device cannot measure what is to come; a batch that was not acknowledged is posted again unchanged (same `at`), so
 * nothing is stored twice; what the node acknowledged is told once to `onAcknowledged`; when the node is away for long
 * the devices stop measuring rather than forget. A refusal that trying again cannot heal stops the fleet and is kept in
 * `failure`.
 */
import { AppError, messageOf } from '../shared/app-error.js';
import type { PostedType } from '../shared/documents.js';
import { ProgramClient } from '../shared/http/client.js';
import type { Service } from '../shared/service.js';
import { type Clock, sleep, systemClock } from '../shared/time.js';
import { createVillage, MINUTE_MS, type PostedFields, type VillagePlan, villageHeartbeat } from './meters.js';

export interface MeterFleetOptions extends VillagePlan {
  /** Origin of the node. */
  nodeUrl: string;
  /** Bearer token, where the node wants one. */
  nodeToken?: string | undefined;
  /** Simulated seconds per second. */
  speed: number;
  onAcknowledged?: (type: PostedType, documents: readonly PostedFields[]) => void;
  clock?: Clock;
  /** Milliseconds between looks at the clock. */
  tickMs?: number;
  /** Milliseconds before a batch is posted again. */
  retryMs?: number;
}

interface Batch {
  type: PostedType;
  documents: PostedFields[];
}

export interface FleetCounts {
  /** Documents measured so far. */
  made: number;
  acknowledged: number;
  /** Of the acknowledged, those the node said it had already: their first answer was lost. */
  duplicates: number;
  /** Requests that failed and were made again. */
  retries: number;
}

const PATHS: Record<PostedType, string> = { reading: '/v1/readings', prediction: '/v1/predictions' };
const MAX_WAITING_DOCUMENTS = 50_000;
const MAX_BATCH_DOCUMENTS = 2_000;
const REQUEST_TIMEOUT_MS = 10_000;

export class MeterFleet implements Service {
  readonly name = 'meters';
  readonly #options: MeterFleetOptions;
  readonly #clock: Clock;
  readonly #client: ProgramClient;
  readonly #waiting: Batch[] = [];
  readonly #counts: FleetCounts = { made: 0, acknowledged: 0, duplicates: 0, retries: 0 };
  #state: ReturnType<typeof createVillage>;
  /** The last simulated minute that was measured. */
  #measuredMs: number;
  #failure: AppError | undefined;
  #running: { stop: AbortController; work: Promise<unknown> } | undefined;
  #isMeasuring = false;

  constructor(options: MeterFleetOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#client = new ProgramClient({
      ...{ url: options.nodeUrl, token: options.nodeToken },
      ...{ peer: 'the node', timeoutMs: REQUEST_TIMEOUT_MS },
    });
    this.#state = createVillage(options);
    this.#measuredMs = Math.floor(options.startAtMs / MINUTE_MS) * MINUTE_MS;
  }

  get counts(): FleetCounts {
    return { ...this.#counts };
  }

  /** Simulated time up to which the devices have measured, milliseconds since 1970. */
  get simulatedMs(): number {
    return this.#measuredMs;
  }

  /** Why the fleet gave up, if it did. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  async start(): Promise<void> {
    if (this.#running) return;
    const stop = new AbortController();
    this.#isMeasuring = true;
    this.#running = { stop, work: Promise.all([this.#measure(stop.signal), this.#post(stop.signal)]) };
  }

  /**
   * Measures no more and posts what was measured; throws the failure, or `unavailable` when that takes longer than
   * `timeoutMs`.
   */
  async finish(timeoutMs = 15_000): Promise<void> {
    this.#isMeasuring = false;
    const deadlineMs = this.#clock.monotonic() + timeoutMs;
    while (this.#waiting.length > 0 && !this.#failure && this.#clock.monotonic() < deadlineMs) await sleep(20);
    await this.stop();
    if (this.#failure) throw this.#failure;
    if (this.#waiting.length > 0) {
      throw new AppError(
        'unavailable',
        `the node at ${this.#options.nodeUrl} did not take every heartbeat within ${timeoutMs / 1000} s`,
      );
    }
  }

  /** Stops at once; what was not acknowledged is posted after the next start. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    this.#isMeasuring = false;
    running.stop.abort();
    await running.work;
  }

  async #measure(signal: AbortSignal): Promise<void> {
    const { speed, tickMs = 100 } = this.#options;
    const startedMs = this.#clock.monotonic();
    const startedAtMs = this.#measuredMs;
    while (this.#isMeasuring && !this.#failure && !signal.aborted) {
      const untilMs = Math.min(startedAtMs + (this.#clock.monotonic() - startedMs) * speed, this.#clock.now());
      while (this.#measuredMs + MINUTE_MS <= untilMs && this.#waitingDocuments() < MAX_WAITING_DOCUMENTS) {
        this.#measuredMs += MINUTE_MS;
        const { state, readings, predictions } = villageHeartbeat(this.#state, this.#measuredMs);
        this.#state = state;
        this.#enqueue('reading', readings);
        this.#enqueue('prediction', predictions);
      }
      await sleep(tickMs, signal);
    }
  }

  #enqueue(type: PostedType, documents: PostedFields[]): void {
    if (documents.length === 0) return;
    this.#counts.made += documents.length;
    // The first batch may be on its way already: its content must not change any more.
    const open = this.#waiting.findLast((batch, i) => i > 0 && batch.type === type);
    if (open && open.documents.length + documents.length <= MAX_BATCH_DOCUMENTS) open.documents.push(...documents);
    else this.#waiting.push({ type, documents: [...documents] });
  }

  #waitingDocuments(): number {
    return this.#waiting.reduce((sum, { documents }) => sum + documents.length, 0);
  }

  async #post(signal: AbortSignal): Promise<void> {
    const { tickMs = 100, retryMs = 250 } = this.#options;
    while (!signal.aborted && !this.#failure) {
      const batch = this.#waiting[0];
      if (!batch) {
        await sleep(tickMs / 4, signal);
      } else if (await this.#postBatch(batch, signal)) {
        this.#waiting.shift();
      } else {
        this.#counts.retries++;
        await sleep(retryMs, signal);
      }
    }
  }

  /** True when the node has acknowledged the whole batch, false when it is to be posted again. */
  async #postBatch({ type, documents }: Batch, signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await this.#client.json<{ accepted: number; duplicates: number }>(PATHS[type], {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-ndjson' },
        body: documents.map((fields) => `${JSON.stringify(fields)}\n`).join(''),
        signal,
      });
      if (answer.accepted + answer.duplicates !== documents.length) {
        throw new AppError(
          'internal',
          `the node answered for ${answer.accepted} + ${answer.duplicates} of ${documents.length} documents`,
        );
      }
      this.#counts.acknowledged += documents.length;
      this.#counts.duplicates += answer.duplicates;
      this.#options.onAcknowledged?.(type, documents);
      return true;
    } catch (error) {
      const known = error instanceof AppError ? error : new AppError('unavailable', messageOf(error), { cause: error });
      if (!known.retryable) this.#failure = known;
      return false;
    }
  }
}
