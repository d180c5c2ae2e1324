/**
 * Group commit: many callers' documents are written one group after another, each group as one synced batch.
 *
 * A caller's next part waits behind what others have queued meanwhile, so a village with 20,000 documents and one with
 * ten take turns every group instead of one waiting for the whole of the other.
 */
import type { IncomingDocument, WriteOutcome } from './contract.js';

/** PouchDB's LevelDB transaction gets slower, not faster, beyond about this many documents. */
const MAX_GROUP = 1000;

interface Part {
  documents: readonly IncomingDocument[];
  resolve(outcomes: WriteOutcome[]): void;
  reject(error: unknown): void;
}

export type WriteGroup = (documents: readonly IncomingDocument[]) => Promise<WriteOutcome[]>;

export class WriteQueue {
  readonly #writeGroup: WriteGroup;
  readonly #parts: Part[] = [];
  #working: Promise<void> | undefined;

  /** `writeGroup` gets at most 1,000 documents and is never called before its last call has ended. */
  constructor(writeGroup: WriteGroup) {
    this.#writeGroup = writeGroup;
  }

  /** Outcomes in the order of the documents, once all are durable. */
  async write(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]> {
    const outcomes: WriteOutcome[] = [];
    for (let start = 0; start < documents.length; start += MAX_GROUP) {
      outcomes.push(...(await this.#enqueue(documents.slice(start, start + MAX_GROUP))));
    }
    return outcomes;
  }

  /** Resolves when everything queued so far has been written or has failed. */
  async drain(): Promise<void> {
    while (this.#working) await this.#working;
  }

  #enqueue(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]> {
    return new Promise((resolve, reject) => {
      this.#parts.push({ documents, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  async #work(): Promise<void> {
    for (let group = this.#takeGroup(); group.length > 0; group = this.#takeGroup()) {
      try {
        const outcomes = await this.#writeGroup(group.flatMap((part) => part.documents));
        let position = 0;
        for (const { documents, resolve } of group) {
          resolve(outcomes.slice(position, position + documents.length));
          position += documents.length;
        }
      } catch (error) {
        for (const part of group) part.reject(error);
      }
    }
    this.#working = undefined;
  }

  #takeGroup(): Part[] {
    const group: Part[] = [];
    let count = 0;
    for (let part = this.#parts[0]; part; part = this.#parts[0]) {
      count += part.documents.length;
      if (count > MAX_GROUP && group.length > 0) break;
      group.push(part);
      this.#parts.shift();
    }
    return group;
  }
}
