/**
 * How far a drain has come and how long it will take: by how much less is waiting than up to a minute ago, what arrives
 * meanwhile included. Nothing is estimated from less than ten seconds, nor where nothing has changed.
 */

const WINDOW_MS = 60_000;
const SHORTEST_MS = 10_000;

export interface DrainView {
  /** Documents that waited when most did, since last none did, and by how many fewer wait now. */
  total: number;
  done: number;
  /** `unknown` before it can be told, `growing` while more arrives than is sent. */
  left: 'unknown' | 'growing' | { seconds: number; perMinute: number };
}

interface Sample {
  atMs: number;
  pending: number;
}

export class DrainEstimate {
  #samples: Sample[] = [];
  #total = 0;

  /** What waits at a time; to be told regularly, also when nothing changes. Times only ever grow. */
  note(pending: number, isDraining: boolean, atMs: number): void {
    this.#total = pending === 0 ? 0 : Math.max(this.#total, pending);
    if (!isDraining || pending === 0) {
      this.#samples = [];
      return;
    }
    this.#samples.push({ atMs, pending });
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= WINDOW_MS);
  }

  /** Undefined while nothing is drained. */
  get view(): DrainView | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last) return undefined;
    const view = { total: this.#total, done: this.#total - last.pending };
    const passedMs = last.atMs - first.atMs;
    if (passedMs < SHORTEST_MS) return { ...view, left: 'unknown' };
    const perMs = (first.pending - last.pending) / passedMs;
    // Over a slow link many seconds pass between two batches.
    if (perMs === 0) return { ...view, left: 'unknown' };
    if (perMs < 0) return { ...view, left: 'growing' };
    return { ...view, left: { seconds: last.pending / perMs / 1000, perMinute: perMs * 60_000 } };
  }
}
