/** What became of the light villages' requests: how long each took, how it was answered, and how many documents that brought. */
import { percentile } from '../support/statistics.js';

export interface LatencyFigures {
  p50Ms: number;
  p99Ms: number;
  p999Ms: number;
  longestMs: number;
}

/** So many documents in all were answered for at that second of the hour. */
export type TimelinePoint = readonly [second: number, documents: number];

const STEP_MS = 1_000;

export class RequestLog {
  readonly #latenciesMs: number[] = [];
  readonly #batchLatenciesMs: number[] = [];
  readonly #answers = new Map<string, number>();
  readonly #perStep: number[] = [];
  #startMs = performance.now();
  #documents = 0;

  /** The hour begins. */
  start(): void {
    this.#startMs = performance.now();
  }

  get requests(): number {
    return this.#latenciesMs.length;
  }

  /** Documents the gateways have answered for, one by one. */
  get documents(): number {
    return this.#documents;
  }

  /** `answer`: a status, or why there was none. */
  note(answer: number | string, tookMs: number, isBatch: boolean): void {
    this.#latenciesMs.push(tookMs);
    if (isBatch) this.#batchLatenciesMs.push(tookMs);
    const name = String(answer);
    this.#answers.set(name, (this.#answers.get(name) ?? 0) + 1);
  }

  delivered(documents: number): void {
    this.#documents += documents;
    const step = Math.floor((performance.now() - this.#startMs) / STEP_MS);
    this.#perStep[step] = (this.#perStep[step] ?? 0) + documents;
  }

  /** How often each answer came, by status, then reasons why there was none. */
  get answers(): Record<string, number> {
    return Object.fromEntries([...this.#answers].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get latency(): LatencyFigures {
    return figuresOf(this.#latenciesMs);
  }

  /** Of `_bulk_docs` alone, those that were sent away included. */
  get batchLatency(): LatencyFigures {
    return figuresOf(this.#batchLatenciesMs);
  }

  /** One point a second. */
  get timeline(): TimelinePoint[] {
    let total = 0;
    return Array.from(this.#perStep, (documents = 0, step): TimelinePoint => {
      total += documents;
      return [((step + 1) * STEP_MS) / 1000, total];
    });
  }
}

function figuresOf(latenciesMs: readonly number[]): LatencyFigures {
  const [p50Ms, p99Ms, p999Ms, longestMs] = [0.5, 0.99, 0.999, 1].map((share) => percentile(latenciesMs, share));
  return { p50Ms: p50Ms ?? 0, p99Ms: p99Ms ?? 0, p999Ms: p999Ms ?? 0, longestMs: longestMs ?? 0 };
}
