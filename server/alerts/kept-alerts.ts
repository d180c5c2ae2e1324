/**
 * The alerts of one village as they are kept in its record: which are open, since when the centre knows, and the last that
 * have gone. A step from what is kept to what is found now is pure; whoever gets it written is the one who tells of it.
 *
 * Of one code there is one alert: a village that reports several (readings beyond thresholds) has the first of them shown.
 */
import { isTellable, steppedLoss, type ToldLoss } from '../../shared/told-loss.js';
import type { UntoldNews } from './untold-news.js';
import type { VillageAlert } from './village-alert.js';

/** An alert that is open; times are canonical instants by the centre's clock, but for `since`. */
export interface KeptAlert {
  code: string;
  severity: VillageAlert['severity'];
  message: string;
  raisedAt: string;
  /** By the village's clock; only of what a node reported. */
  since?: string;
  /** A node's own. */
  reported?: true;
}

export interface ClearedVillageAlert extends KeptAlert {
  clearedAt: string;
}

/** What somebody has seen newest of a village. Canonical instants. */
export interface Seen {
  contactAt?: string;
  documentAt?: string;
  reportAt?: string;
}

export interface KeptAlerts {
  open: readonly KeptAlert[];
  /** Newest first. */
  history: readonly ClearedVillageAlert[];
  /** What was told of lost documents. */
  loss?: ToldLoss;
  /** What webhooks are still to be told, in order; absent where there is nothing. */
  untold?: readonly UntoldNews[];
}

export interface Found {
  alerts: readonly VillageAlert[];
  /** Codes of the centre's own that cannot be told now: they stay as they are. */
  undecided: ReadonlySet<string>;
  /** How many documents are lost; absent where that is not known, or nobody is to be told. */
  lost?: number;
  seen: Seen;
}

export interface AlertNews {
  event: 'raised' | 'worse' | 'cleared';
  alert: KeptAlert | ClearedVillageAlert;
}

/** The centre's own alerts that are told from numbers. */
export const OF_NUMBERS: readonly string[] = ['lost', 'gaps'];

const LOST = 'lost';
const NONE: KeptAlerts = { open: [], history: [] };
const MAX_HISTORY = 12;
const SEVERITIES: readonly VillageAlert['severity'][] = ['info', 'warning', 'critical'];

/**
 * What is kept is the very same where nothing changes. `known`: what the record says was newest of the village; whoever has
 * seen less has no say. `at`: a canonical instant.
 */
export function steppedAlerts(
  kept: KeptAlerts = NONE,
  known: Seen,
  found: Found,
  at: string,
): { kept: KeptAlerts; news: AlertNews[] } {
  const findings = firstByKey(found.alerts);
  const isBehind = (name: keyof Seen) => (found.seen[name] ?? '') < (known[name] ?? '');
  const isUndecided = ({ code, reported }: Pick<KeptAlert, 'code' | 'reported'>) => {
    if (reported) return isBehind('reportAt');
    if (found.undecided.has(code)) return true;
    if (OF_NUMBERS.includes(code)) return isBehind('documentAt') || isBehind('reportAt');
    return isBehind('contactAt');
  };
  const { lost } = found;
  const isLossKnown = lost !== undefined && !isUndecided({ code: LOST });
  const loss = isLossKnown ? steppedLoss(kept.loss, lost, at.slice(0, 10)) : kept.loss;
  if (isLossKnown && !isTellable(loss, lost)) findings.delete(LOST);
  // What was raised before anything was kept of losses is not raised again.
  const isFurther = kept.loss !== undefined && (loss?.count ?? 0) > kept.loss.count;
  const news: AlertNews[] = [];
  const open: KeptAlert[] = [];
  for (const alert of kept.open) {
    const finding = findings.get(keyOf(alert));
    if (isFurther && keyOf(alert) === LOST) {
      news.push({ event: 'cleared', alert: { ...alert, clearedAt: at } });
      continue;
    }
    findings.delete(keyOf(alert));
    if (isUndecided(alert)) open.push(alert);
    else if (!finding) news.push({ event: 'cleared', alert: { ...alert, clearedAt: at } });
    else if (rankOf(finding) > rankOf(alert)) {
      const worse = { ...alert, severity: finding.severity, message: finding.message };
      open.push(worse);
      news.push({ event: 'worse', alert: worse });
    } else open.push(alert);
  }
  for (const finding of findings.values()) {
    const alert = keptOf(finding, at);
    if (isUndecided(alert)) continue;
    open.push(alert);
    news.push({ event: 'raised', alert });
  }
  if (news.length === 0 && loss === kept.loss) return { kept, news };
  const cleared = news.flatMap(({ alert }) => ('clearedAt' in alert ? [alert] : []));
  const history = [...cleared, ...kept.history].slice(0, MAX_HISTORY);
  const { loss: _, ...rest } = kept;
  return { kept: { ...rest, open, history, ...(loss ? { loss } : {}) }, news };
}

/** When the centre raised each alert, by key. */
export function raisedAtOf(kept: KeptAlerts = NONE, alert: VillageAlert): string | undefined {
  const key = keyOf({ code: alert.code, ...(alert.reportedAt === undefined ? {} : { reported: true }) });
  return kept.open.find((one) => keyOf(one) === key)?.raisedAt;
}

function keptOf({ code, severity, message, since, reportedAt }: VillageAlert, raisedAt: string): KeptAlert {
  return {
    ...{ code, severity, message, raisedAt },
    ...(since === undefined ? {} : { since }),
    ...(reportedAt === undefined ? {} : { reported: true }),
  };
}

function firstByKey(alerts: readonly VillageAlert[]): Map<string, VillageAlert> {
  const byKey = new Map<string, VillageAlert>();
  for (const alert of alerts) {
    const key = keyOf(keptOf(alert, ''));
    const first = byKey.get(key);
    // The first one, as bad as the worst.
    if (!first) byKey.set(key, alert);
    else if (rankOf(alert) > rankOf(first)) byKey.set(key, { ...first, severity: alert.severity });
  }
  return byKey;
}

/** What a node calls `lost` is another alert than the centre's own. */
function keyOf({ code, reported }: Pick<KeptAlert, 'code' | 'reported'>): string {
  return reported ? `node:${code}` : code;
}

function rankOf({ severity }: Pick<VillageAlert, 'severity'>): number {
  return SEVERITIES.indexOf(severity);
}
