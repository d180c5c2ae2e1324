/**
 * What can wait until everything is delivered: confirming segments, and deleting the checkpoints of those that are gone.
 * It is given up at the first failure, and begun again after the next run.
 */
import type { Ledger } from '../ledger/ledger.js';
import type { Segment } from '../ledger/segment.js';
import type { SpaceKeeper } from '../ledger/space-keeper.js';
import type { StoreState } from '../ledger/store-state.js';
import type { Centre } from './centre.js';
import { type ConfirmationContext, confirmSegment } from './confirmation.js';

export interface TidyingContext extends ConfirmationContext {
  centre: Pick<Centre, 'missing' | 'deleteCheckpoint'>;
  ledger: Pick<Ledger, 'segments'>;
  keeper: Pick<SpaceKeeper, 'segmentsToConfirmAgain'>;
  state: Pick<StoreState, 'dropped' | 'forgetCheckpoint'>;
  /** Hears of each segment of which the centre lacks what it had taken. */
  onMissing(segment: Segment): void;
}

/** Ends early where something more urgent waits. Throws LinkError, and whatever the store rejects with. */
export async function tidyUp(context: TidyingContext): Promise<void> {
  const { ledger, keeper, onMissing } = context;
  const again = new Set(keeper.segmentsToConfirmAgain().map(({ number }) => number));
  for (const segment of ledger.segments.filter((one) => isToConfirm(one, again))) {
    if ((await confirmSegment(segment, context)) === 'missing') onMissing(segment);
    if (context.yields()) return;
  }
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
