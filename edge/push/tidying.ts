/**
 * What can wait until everything is delivered: confirming segments, and deleting the checkpoints of those that are gone.
 * It is given up at the first failure, and begun again after the next run.
 */
import type { Ledger } from '../ledger/ledger.js';
import type { Segment } from '../ledger/segment.js';
import type { SpaceKeeper } from '../ledger/space-keeper.js';
import type { StoreState } from '../ledger/store-state.js';
import type { Centre } from './centre.js';
import { type ConfirmationContext, confirmSegments } from './confirmation.js';

export interface TidyingContext extends ConfirmationContext {
  centre: Pick<Centre, 'missing' | 'deleteCheckpoint'>;
  ledger: Pick<Ledger, 'segments'>;
  keeper: Pick<SpaceKeeper, 'segmentsToConfirmAgain'>;
  state: Pick<StoreState, 'dropped' | 'forgetCheckpoint'>;
  /** False for one that was sent again and again and is still not proven. */
  isWorthAsking(segment: Segment): boolean;
}

/** Ends early where something more urgent waits. Throws LinkError, and whatever the store rejects with. */
export async function tidyUp(context: TidyingContext): Promise<void> {
  const { ledger, keeper, isWorthAsking } = context;
  const again = new Set(keeper.segmentsToConfirmAgain().map(({ number }) => number));
  const due = ledger.segments.filter((segment) => isToConfirm(segment, again) && isWorthAsking(segment));
  await confirmSegments(due, context);
  if (context.yields()) return;
  await forgetCheckpoints(context);
}

function isToConfirm(segment: Segment, again: ReadonlySet<number>): boolean {
  if (!segment.sealed || segment.damage || segment.pending > 0) return false;
  return segment.confirmedAt === undefined || again.has(segment.number);
}

async function forgetCheckpoints({ state, centre, signal }: TidyingContext): Promise<void> {
  for (const id of state.dropped.checkpoints) {
    await centre.deleteCheckpoint(id, signal);
    await state.forgetCheckpoint(id);
  }
}
