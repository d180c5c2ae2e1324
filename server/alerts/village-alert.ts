/**
 * What a person should know of a village now: told from what the centre holds, and from what the village's nodes reported
 * themselves, with the time of the report. Pure.
 */
import { isTellable, type ToldLoss } from '../../shared/told-loss.js';
import type { VillageWithNumbers } from '../analyst/village-view.js';

export interface VillageAlert {
  village: string;
  /** `silent`, `lost` or `gaps`; of a node's own alert what the node calls it. */
  code: string;
  severity: 'info' | 'warning' | 'critical';
  message: string;
  /** Since when by the village's clock, and when the report came; only of what a node reported itself. */
  since?: string;
  reportedAt?: string;
  /** When the centre noticed it first, by its own clock; absent for the minute until it has. */
  raisedAt?: string;
}

/** `told`: what was told of lost documents, where that counts. */
export function alertsOf(view: VillageWithNumbers, silentAfterHours: number, told?: ToldLoss): VillageAlert[] {
  const { id: village, silent, lastContactAt, numbers } = view;
  const alerts: VillageAlert[] = [];
  if (silent) {
    const heard = lastContactAt === undefined ? 'was never heard of' : `was last heard of at ${lastContactAt}`;
    const message = `the village ${heard}, and is expected every ${silentAfterHours} hours`;
    alerts.push({ village, code: 'silent', severity: 'warning', message });
  }
  const { lost = 0, unexplained = 0 } = numbers?.missing ?? {};
  if (isTellable(told, lost)) {
    const message = `${countOf(lost)} lost in the village before the centre had them`;
    alerts.push({ village, code: 'lost', severity: 'critical', message });
  }
  if (unexplained > 0) {
    const message = `${countOf(unexplained)} missing although newer ones came, and the village has not said why`;
    alerts.push({ village, code: 'gaps', severity: 'warning', message });
  }
  return [...alerts, ...reportedAlerts(view)];
}

function reportedAlerts({ id: village, alerts = [], reportedAt }: VillageWithNumbers): VillageAlert[] {
  if (reportedAt === undefined) return [];
  return alerts.map(({ message, ...alert }) => {
    return { village, ...alert, message: message ?? `the node reports ${meaningOf(alert.code)}`, reportedAt };
  });
}

/** Reports are kept small: most nodes send the codes alone. */
const MEANINGS: Partial<Record<string, string>> = {
  pending: 'that more is waiting to be sent, and for longer, than it should',
  storage: 'that the room for its data runs out',
  quarantine: 'that it keeps many documents the centre refused',
  lost: 'that documents were lost to damage',
  blocked: 'that the centre does not let it in',
  refusals: 'that the centre refuses its documents in floods',
  'tls-clock': 'that its clock is wrong and keeps it from a secure connection',
  clock: 'that its clock cannot be trusted',
  repaired: 'that it had to repair damaged files',
  'no-forced-sync': 'that no forced replication has succeeded for too long',
  registry: 'that the centre refuses its registry, or edits in it',
  stalled: 'that it does not get its data sent although the centre can be reached',
  threshold: 'readings beyond a threshold',
};

/** Codes there are; what else a village calls an alert is counted together. */
export const KNOWN_CODES: ReadonlySet<string> = new Set(['silent', 'gaps', ...Object.keys(MEANINGS)]);

function meaningOf(code: string): string {
  return (Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined) ?? `the alert ${code}`;
}

function countOf(documents: number): string {
  return documents === 1 ? '1 document is' : `${documents} documents are`;
}
