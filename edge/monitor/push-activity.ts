/** What the watchdog looks at, gathered from where it is counted. */
import type { Ledger } from '../ledger/ledger.js';
import type { Link } from '../link/link.js';
import { type ControllerState, isRunning } from '../push/controller-state.js';
import type { PushTotals } from '../push/pusher.js';
import type { ConnectivityMonitor } from './connectivity.js';
import type { PushActivity } from './watchdog.js';

export interface ActivitySources {
  totals: Readonly<PushTotals>;
  link: Pick<Link, 'counters'>;
  ledger: Pick<Ledger, 'segments'>;
  connectivity: Pick<ConnectivityMonitor, 'status' | 'isExchanging'>;
}

/** `nowMs` by the clock of the state. */
export function activityOf(state: ControllerState, nowMs: number, sources: ActivitySources): PushActivity {
  const { totals, link, ledger, connectivity } = sources;
  const { segments } = ledger;
  const sound = segments.filter(({ damage }) => damage === undefined);
  // What is damaged waits for its repair, and not for the push.
  const hasWork = sound.some(({ pending }) => pending > 0) && connectivity.status.state === 'online';
  const { requests, asideRequests, bytesSent, bytesReceived, asideBytes } = link.counters;
  const pushed = [requests - asideRequests, bytesSent + bytesReceived - asideBytes];
  const accounted = segments.reduce((sum, { delivery }) => sum + delivery.deliveredSeq, 0);
  return {
    running: isRunning(state),
    exchanging: connectivity.isExchanging,
    repairing: sound.length < segments.length,
    forgotten: isForgotten(state, nowMs, hasWork),
    marks: [totals.sent, totals.quarantined, accounted, ...pushed].join(' '),
  };
}

function isForgotten(state: ControllerState, nowMs: number, hasWork: boolean): boolean {
  const { name, pauses, wakeAtMs } = state;
  if (isRunning(state) || name === 'stopped' || pauses.size > 0) return false;
  return name === 'live' ? hasWork : wakeAtMs === undefined || wakeAtMs < nowMs;
}
