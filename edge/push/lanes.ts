/**
 * Which segment sends next. Fresh data, in the segment open for writing, goes first and has a slot of its own; the
 * backlog, in sealed segments, drains behind it, the newest segment first, with two batches in flight. So neither keeps
 * the other waiting for longer than a batch takes.
 */

/** What is to be known of a segment. */
export interface LaneSegment {
  readonly number: number;
  readonly sealed: boolean;
}

/** Batches on their way. */
export interface InFlight {
  fresh: number;
  backlog: number;
}

const BACKLOG_SLOTS = 2;
/** While there is no backlog the open segment may be one itself. */
const FRESH_SLOTS_ALONE = 2;

export function laneOf({ sealed }: LaneSegment): keyof InFlight {
  return sealed ? 'backlog' : 'fresh';
}

/** The segment to send from now, of those that have something to send; undefined while no slot is free for any. */
export function nextToSend<S extends LaneSegment>(unsent: readonly S[], inFlight: InFlight): S | undefined {
  const backlog = unsent.filter(({ sealed }) => sealed);
  const fresh = unsent.find(({ sealed }) => !sealed);
  const freshSlots = backlog.length + inFlight.backlog > 0 ? 1 : FRESH_SLOTS_ALONE;
  if (fresh && inFlight.fresh < freshSlots) return fresh;
  if (inFlight.backlog >= BACKLOG_SLOTS) return undefined;
  return backlog.reduce<S | undefined>(
    (newest, one) => (newest && newest.number > one.number ? newest : one),
    undefined,
  );
}
