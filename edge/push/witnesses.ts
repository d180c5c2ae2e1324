/**
 * Documents a centre without receipts was seen to hold. Each later question asks for them as well: a database that was
 * set back in the meantime lacks them, and nothing may be built on what it said before.
 *
 * A backup loses what was stored after it. So a witness gives way only to one that was stored later than itself, which is
 * known where sending the later one began after the witness had been seen; then the later one is lost wherever the
 * earlier one is. Few are kept: those of the batches that were on their way together.
 */
export interface WitnessedDocument {
  readonly _id: string;
  readonly _rev: string;
}

export class Witnesses {
  #sent: { document: WitnessedDocument; seen: number }[] = [];
  #asked: WitnessedDocument | undefined;
  /** Counts what happens, to tell what was before what. */
  #moment = 0;

  /** To be asked for with the next question. */
  get documents(): WitnessedDocument[] {
    return [...this.#sent.map(({ document }) => document), ...(this.#asked ? [this.#asked] : [])];
  }

  /** To be called when documents are handed over; what it answers is told which of them were seen to be held afterwards. */
  handOver(): (held: readonly WitnessedDocument[]) => void {
    const begun = ++this.#moment;
    return (held) => {
      const seen = ++this.#moment;
      // Stored together, and yet a copy made meanwhile may hold some of them only.
      const added = [held[0], held.at(-1)].filter((document) => document !== undefined);
      if (added.length === 0) return;
      this.#sent = [
        ...this.#sent.filter((witness) => witness.seen > begun),
        ...added.map((document) => ({ document, seen })),
      ];
    };
  }

  /** Documents that were there without having been sent now: when they were stored is not known. */
  found(held: readonly WitnessedDocument[]): void {
    this.#asked = held.at(-1) ?? this.#asked;
  }

  /** A new session believes nothing of what was seen before. */
  forget(): void {
    this.#sent = [];
    this.#asked = undefined;
  }
}
