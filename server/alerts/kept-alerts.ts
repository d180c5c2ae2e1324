/**
 * The alerts of one village as they are kept in its record: which are open, since when the centre knows, and the last that
 * have gone. A step from what is kept to what is found now is pure; whoever gets it written is the one who tells of it.
 *
 * Of one code there is one alert: a village that reports several (readings beyond thresholds) has the first of them shown.
 */
import type { UntoldNews } from './untold-news.js';
import type { VillageAlert } from './village-alert.js';

/** An alert that is open; times are canonical instants by the centre's clock, but for `since`. */
export interface KeptAlert {
  code: string;
  severity: VillageAlert['severity'];
  message: string;
  /** Of `lost`. */
  documents?: number;
  raisedAt: string;
  /** By the village's clock; only of what a node reported. */
  since?: string;
  /** A node's own. */
  reported?: true;
}

export interface ClearedVillageAlert extends KeptAlert {
  clearedAt: string;
}

/** What was newest of a village when its alerts were decided: whoever has seen less has no say. Canonical instants. */
export interface Seen {
  contactAt?: string;
  documentAt?: string;
  reportAt?: string;
}

export interface KeptAlerts {
  open: readonly KeptAlert[];
  /** Newest first. */
  history: readonly ClearedVillageAlert[];
  seen?: Seen;
  /** What webhooks are still to be told, in order; absent where there is nothing. */
  untold?: readonly UntoldNews[];
}

export interface Found {
  alerts: readonly VillageAlert[];
  /** Codes of the centre's own that cannot be told now: they stay as they are. */
  undecided: ReadonlySet<string>;
  seen: Seen;
  /** A village last heard of before this instant is silent for sure. */
  silentBefore: string;
}

export interface AlertNews {
  event: 'raised' | 'worse' | 'cleared';
  alert: KeptAlert | ClearedVillageAlert;
}

/** The centre's own alerts that are told from numbers. */
export const OF_NUMBERS: readonly string[] = ['lost', 'gaps'];

const NONE: KeptAlerts = { open: [], history: [] };
const MAX_HISTORY = 12;
const SEVERITIES: readonly VillageAlert['severity'][] = ['info', 'warning', 'critical'];

/** No news: what is kept holds. `at`: a canonical instant. */
export function steppedAlerts(
  kept: KeptAlerts = NONE,
  found: Found,
  at: string,
): { kept: KeptAlerts; news: AlertNews[] } {
  const findings = firstByKey(found.alerts);
  // Another gateway may have seen something newer, and not have written it down yet.
  const isBehind = (name: keyof Seen) => (found.seen[name] ?? '') < (kept.seen?.[name] ?? '');
  const isUndecided = ({ code, reported }: Pick<KeptAlert, 'code' | 'reported'>) => {
    if (reported) return isBehind('reportAt');
    if (found.undecided.has(code)) return true;
    if (OF_NUMBERS.includes(code)) return isBehind('documentAt') || isBehind('reportAt');
    // A contact so old changes nothing, and may never be written down: the gateway that had it may have been killed.
    return isBehind('contactAt') && (kept.seen?.contactAt ?? '') >= found.silentBefore;
  };
  const news: AlertNews[] = [];
  const open: KeptAlert[] = [];
  for (const alert of kept.open) {
    const finding = findings.get(keyOf(alert));
    findings.delete(keyOf(alert));
    if (isUndecided(alert)) open.push(alert);
    else if (!finding) news.push({ event: 'cleared', alert: { ...alert, clearedAt: at } });
    else if (isWorse(finding, alert)) {
      const { severity, message, documents } = finding;
      const worse = { ...alert, severity, message, ...(documents === undefined ? {} : { documents }) };
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
  if (news.length === 0) return { kept, news };
  const cleared = news.flatMap(({ alert }) => ('clearedAt' in alert ? [alert] : []));
  const history = [...cleared, ...kept.history].slice(0, MAX_HISTORY);
  return { kept: { ...kept, open, history, seen: latest(kept.seen, found.seen) }, news };
}

/** More are lost, or it is more severe. */
function isWorse(finding: VillageAlert, alert: KeptAlert): boolean {
  return rankOf(finding) > rankOf(alert) || (finding.documents ?? 0) > (alert.documents ?? 0);
}

function latest(a: Seen = {}, b: Seen): Seen {
  const seen: Seen = { ...a, ...b };
  for (const name of ['contactAt', 'documentAt', 'reportAt'] as const) {
    const before = a[name];
    if (before !== undefined && before > (b[name] ?? '')) seen[name] = before;
  }
  return seen;
}

/** When the centre raised each alert, by key. */
export function raisedAtOf(kept: KeptAlerts = NONE, alert: VillageAlert): string | undefined {
  const key = keyOf({ code: alert.code, ...(alert.reportedAt === undefined ? {} : { reported: true }) });
  return kept.open.find((one) => keyOf(one) === key)?.raisedAt;
}

function keptOf({ code, severity, message, documents, since, reportedAt }: VillageAlert, raisedAt: string): KeptAlert {
  return {
    ...{ code, severity, message, raisedAt },
    ...(documents === undefined ? {} : { documents }),
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
