/**
 * Tells a few bad documents from a centre that refuses everything: when a third of the last 500 documents is refused,
 * or of fewer as long as that is 50 or more, the fault is the centre's, and the documents must not go to quarantine for
 * it.
 *
 * After a flood what was taken before it says nothing any more: as few as the push then offers at once show whether it
 * is over.
 */
const WINDOW = 500;
const FLOOD_FROM = 50;
const FLOOD_GOES_ON_FROM = 10;

/** Documents in a row, and how many of them were refused. */
interface Stretch {
  documents: number;
  refused: number;
}

export class RefusalWindow {
  #stretches: Stretch[] = [];
  #floodFrom = FLOOD_FROM;
  #wasFlood = false;

  /** A run begins: it has met no flood yet. */
  beginRun(): void {
    this.#wasFlood = false;
  }

  /** What was said of the last batch of the run. */
  get wasFlood(): boolean {
    return this.#wasFlood;
  }

  /** There was a flood, in this run or an earlier one, and nothing has shown yet that it is over. */
  get isFlooded(): boolean {
    return this.#floodFrom === FLOOD_GOES_ON_FROM;
  }

  /** True when the batch with so many refused would be part of a flood; a batch that is not counts from now on. */
  isFlood(documents: number, refused: number): boolean {
    const last = lastOf([...this.#stretches, { documents, refused }]);
    const inWindow = sumOf(last, 'documents');
    const refusedInWindow = sumOf(last, 'refused');
    this.#wasFlood = refused > 0 && refusedInWindow >= this.#floodFrom && refusedInWindow * 3 >= inWindow;
    this.#stretches = this.#wasFlood ? [] : last;
    if (this.#wasFlood) this.#floodFrom = FLOOD_GOES_ON_FROM;
    else if (inWindow >= FLOOD_FROM) this.#floodFrom = FLOOD_FROM;
    return this.#wasFlood;
  }
}

/** The last documents of the stretches; of the one that is cut, as large a share was refused as of the whole. */
function lastOf(stretches: readonly Stretch[]): Stretch[] {
  const last: Stretch[] = [];
  let room = WINDOW;
  for (const { documents, refused } of [...stretches].reverse()) {
    if (room === 0) break;
    const taken = Math.min(documents, room);
    if (taken > 0) last.unshift({ documents: taken, refused: (refused * taken) / documents });
    room -= taken;
  }
  return last;
}

function sumOf(stretches: readonly Stretch[], what: keyof Stretch): number {
  return stretches.reduce((sum, stretch) => sum + stretch[what], 0);
}
