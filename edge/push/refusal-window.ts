/**
 * Tells a few bad documents from a centre that refuses everything: when a third of the last 500 documents is refused,
 * or of fewer as long as that is 50 or more, the fault is the centre's, and the documents must not go to quarantine for
 * it.
 */
const WINDOW = 500;
const FLOOD_FROM = 50;

export class RefusalWindow {
  #batches: { documents: number; refused: number }[] = [];
  #wasFlood = false;

  /** A run begins: it has met no flood yet. */
  beginRun(): void {
    this.#wasFlood = false;
  }

  /** What was said of the last batch of the run. */
  get wasFlood(): boolean {
    return this.#wasFlood;
  }

  /** True when the batch with so many refused would be part of a flood; a batch that is not counts from now on. */
  isFlood(documents: number, refused: number): boolean {
    this.#wasFlood = this.#judge(documents, refused);
    return this.#wasFlood;
  }

  #judge(documents: number, refused: number): boolean {
    const batches = [...this.#batches, { documents, refused }];
    const refusedInWindow = batches.reduce((sum, batch) => sum + batch.refused, 0);
    let inWindow = batches.reduce((sum, batch) => sum + batch.documents, 0);
    if (refused > 0 && refusedInWindow >= FLOOD_FROM && refusedInWindow * 3 >= Math.min(inWindow, WINDOW)) return true;
    for (let oldest = batches[0]; oldest && inWindow - oldest.documents >= WINDOW; oldest = batches[0]) {
      inWindow -= oldest.documents;
      batches.shift();
    }
    this.#batches = batches;
    return false;
  }
}
