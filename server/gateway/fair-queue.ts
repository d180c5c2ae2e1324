/**
 * Whose turn it is among several who wait: start-time fair queueing (Goyal, Vin and Cheng, 1996).
 *
 * Everything that waits has a cost. Each owner's pieces keep their order, and owners who wait are served at the same
 * rate of cost, however much each of them brings; who comes after a pause begins where the others are, neither
 * favoured for the pause nor charged for it. Pure: no clock, nothing to close.
 */
export interface Waiting<T> {
  owner: string;
  cost: number;
  value: T;
}

interface Entry<T> extends Waiting<T> {
  startTag: number;
}

export class FairQueue<T> {
  /** In order of start tags; equal ones in order of arrival. */
  readonly #entries: Entry<T>[] = [];
  /** Where an owner's next piece begins, of owners that are ahead of the others. */
  readonly #finishTags = new Map<string, number>();
  #virtualTime = 0;
  #cost = 0;

  get length(): number {
    return this.#entries.length;
  }

  /** What waits, in units of cost. */
  get cost(): number {
    return this.#cost;
  }

  push({ owner, cost, value }: Waiting<T>): void {
    // Nobody waits: who was ahead of whom before is past.
    if (this.#entries.length === 0) {
      this.#finishTags.clear();
      this.#virtualTime = 0;
    }
    const startTag = Math.max(this.#virtualTime, this.#finishTags.get(owner) ?? 0);
    this.#finishTags.set(owner, startTag + cost);
    const at = this.#entries.findIndex((entry) => entry.startTag > startTag);
    this.#entries.splice(at < 0 ? this.#entries.length : at, 0, { owner, cost, value, startTag });
    this.#cost += cost;
  }

  /** The one whose turn it is; undefined when none waits. */
  shift(): Waiting<T> | undefined {
    const next = this.#entries.shift();
    if (!next) return undefined;
    this.#cost -= next.cost;
    this.#virtualTime = next.startTag;
    for (const [owner, finishTag] of this.#finishTags) {
      if (finishTag <= this.#virtualTime) this.#finishTags.delete(owner);
    }
    return next;
  }

  /** Takes back one that waits; false when it does not. */
  remove(value: T): boolean {
    const at = this.#entries.findIndex((entry) => entry.value === value);
    const [removed] = at < 0 ? [] : this.#entries.splice(at, 1);
    if (removed) this.#cost -= removed.cost;
    return removed !== undefined;
  }
}
