/**
 * Leaves the centre is known to hold, as far as this process has seen it: an economy, forgotten whenever there is doubt.
 */
import type { AskedRevisions, MissingRevisions } from './replication-peer.js';

/** Some 100 bytes each. */
const MAX_LEAVES = 20_000;

export class KnownLeaves {
  readonly #leaves = new Set<string>();

  add(id: string, rev: string): void {
    if (this.#leaves.size >= MAX_LEAVES) this.#leaves.clear();
    this.#leaves.add(keyOf(id, rev));
  }

  delete(id: string, rev: string): void {
    this.#leaves.delete(keyOf(id, rev));
  }

  clear(): void {
    this.#leaves.clear();
  }

  has(id: string, rev: string): boolean {
    return this.#leaves.has(keyOf(id, rev));
  }

  /** What of these the centre is not known to hold. */
  without(asked: AskedRevisions): AskedRevisions {
    const unknown: AskedRevisions = {};
    for (const [id, revs] of Object.entries(asked)) {
      const left = revs.filter((rev) => !this.has(id, rev));
      if (left.length > 0) unknown[id] = left;
    }
    return unknown;
  }

  /** The centre has answered what it lacks of those it was asked for. */
  addHeld(asked: AskedRevisions, missing: MissingRevisions): void {
    for (const [id, revs] of Object.entries(asked)) {
      const lacking = missing[id]?.missing ?? [];
      for (const rev of revs) if (!lacking.includes(rev)) this.add(id, rev);
    }
  }
}

function keyOf(id: string, rev: string): string {
  return `${rev} ${id}`;
}
