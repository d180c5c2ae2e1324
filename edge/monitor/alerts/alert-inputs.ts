/** What alerts are told from, gathered from where it is known. */
import { parseInstant } from '../../../shared/time.js';
import type { NodeParts, SyncParts } from '../../node-parts.js';
import type { AlertInputs, RegistryInputs } from './alert-findings.js';

export function alertInputsOf(parts: NodeParts): AlertInputs {
  const { ledger, quarantine, clock, space, sync } = parts;
  const { pending, lost, repairs } = ledger;
  return {
    ...{ lost, repairs },
    usedPct: space.usedPct,
    spaceLevel: space.level,
    quarantined: quarantine.count,
    clockSure: clock.sure,
    clockAheadMs: clock.aheadOfCentreMs,
    noRoom: noRoomFor(parts),
    ...(sync ? { pending, ...linkInputs(parts, sync) } : { link: 'unknown', linkMessage: undefined }),
  };
}

function linkInputs({ state }: NodeParts, { connectivity, controller, pusher, registry }: SyncParts) {
  const { state: link, lastError } = connectivity.status;
  const forcedMs = parseInstant(controller.history.lastForcedSuccessAt ?? '') ?? parseInstant(state.createdAt);
  return {
    link,
    linkMessage: lastError?.message,
    linkTag: lastError?.tag,
    stalled: controller.stall?.message,
    // An answer with a status, such as 401, came after the flood.
    refusesInFloods: pusher.isRefusedInFloods && lastError?.status === undefined,
    forcedMs,
    registry: registryInputs(registry),
  };
}

function registryInputs({ state, refused, hasSucceeded }: SyncParts['registry']): RegistryInputs {
  // A node that replicates by schedule alone rests after a round that succeeded.
  const isAtRest = state.name === 'idle' && hasSucceeded;
  const isSettled = state.name === 'live' || state.name === 'absent' || isAtRest;
  const blocked = state.name === 'blocked' ? true : isSettled ? false : undefined;
  return { blocked, refused: refused.length };
}

/** Why new data is refused now, if it is. */
function noRoomFor({ ledger, keeper }: NodeParts): string | undefined {
  return ledger.writable ? keeper.refusal : 'the store could not be written; it is tried again by itself';
}
