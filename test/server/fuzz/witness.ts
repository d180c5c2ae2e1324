/** A village that goes about its business while others misbehave: it pushes a few readings at a time and expects an answer. */
import { readings, type Sent } from '../support/documents.js';

export type PushDocuments = (documents: Sent[]) => Promise<Record<string, unknown>[]>;

const BATCH = 5;

export class Witness {
  readonly #push: PushDocuments;
  readonly #mark: string;
  readonly sent: Sent[] = [];
  /** Of the slowest answer. */
  slowestMs = 0;
  #isEnded = false;
  #running: Promise<void> = Promise.resolve();

  /** `mark` is in every document, and is to be seen by nobody else. */
  constructor(push: PushDocuments, mark: string) {
    this.#push = push;
    this.#mark = mark;
  }

  /** Rejects as soon as a push was not answered with an ok for each document; resolves when ended. */
  start(pauseMs: number): Promise<void> {
    this.#running = this.#run(pauseMs);
    return this.#running;
  }

  /** As `start`. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#running;
  }

  async #run(pauseMs: number): Promise<void> {
    while (!this.#isEnded) {
      const first = this.sent.length;
      const batch = readings('witness', BATCH, first).map((one) => ({ ...one, note: this.#mark }));
      const begunMs = performance.now();
      const entries = await this.#push(batch);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - begunMs);
      if (!entries.every((entry) => entry.ok === true))
        throw new Error(`a push was answered ${JSON.stringify(entries)}`);
      this.sent.push(...batch);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
