/**
 * Documents that one side would not take, or could not be had from: kept with the reason, so that they keep no other from
 * its way, are shown, and are tried again.
 */

export interface SetAsideDocument {
  /** Its leaves then. */
  revs: readonly string[];
  reason: string;
  /** When it was last tried, milliseconds since 1970. */
  triedMs: number;
}

export type SetAside = Readonly<Record<string, SetAsideDocument>>;

export interface Tried {
  failed: ReadonlyMap<string, { reason: string; revs: readonly string[] }>;
  /** Of which nothing is left to be tried. */
  done: Iterable<string>;
}

/** Those to be tried again: `everyMs` after the last time, or all that were not tried since `allBeforeMs`. */
export function dueAgain(
  kept: SetAside,
  nowMs: number,
  { everyMs, allBeforeMs }: { everyMs: number; allBeforeMs?: number | undefined },
): { id: string; revs: readonly string[] }[] {
  const due = Object.entries(kept).filter(([, { triedMs }]) => {
    const passedMs = nowMs - triedMs;
    const isAsked = allBeforeMs !== undefined && triedMs < allBeforeMs;
    return isAsked || passedMs >= everyMs || passedMs < 0;
  });
  return due.map(([id, { revs }]) => ({ id, revs }));
}

/** `onNew` hears of reasons that were not known. */
export function setAsideAfter(
  before: SetAside,
  { failed, done }: Tried,
  nowMs: number,
  onNew: (document: { id: string; reason: string }) => void,
): SetAside {
  const after: Record<string, SetAsideDocument> = { ...before };
  for (const id of done) delete after[id];
  for (const [id, { reason, revs }] of failed) {
    if (before[id]?.reason !== reason) onNew({ id, reason });
    after[id] = { reason, revs, triedMs: nowMs };
  }
  return after;
}
