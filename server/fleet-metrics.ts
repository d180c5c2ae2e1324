/**
 * Figures of the villages, as of the last look at their alerts: asking for metrics asks no store. Totals of all, and the
 * few villages by name that need somebody most, so that there are never more series than `named` allows. Codes of alerts
 * that villages made up are counted together.
 */
import type { FigureSet, LabelledValue } from '../shared/metrics/figures.js';
import type { Clock } from '../shared/time.js';
import type { WatchedVillage } from './alerts/alert-watch.js';
import { KNOWN_CODES } from './alerts/village-alert.js';
import type { Webhooks } from './alerts/webhooks.js';
import { byNeed, type Need, needOf } from './analyst/need.js';
import type { VillageView } from './analyst/village-view.js';

export interface FleetSources {
  watch: { readonly villages: readonly WatchedVillage[] };
  webhooks: Pick<Webhooks, 'counts'>;
  clock: Pick<Clock, 'now'>;
  /** Villages shown by name. */
  named: number;
}

const NEEDS: Record<Need, number> = {
  ...{ silent: 0, losing: 0, blocked: 0, behind: 0, alerts: 0, awaited: 0, none: 0, disabled: 0 },
};
const OTHER_CODE = 'other';

export function addFleetFigures({ watch, webhooks, clock, named }: FleetSources, figures: FigureSet): void {
  const enabled = () => watch.villages.map(({ view }) => view).filter(({ disabled }) => !disabled);
  figures.gauges('villages', 'Villages by what they need most.', ['need'], () => {
    const counts = { ...NEEDS };
    for (const { view } of watch.villages) counts[needOf(view)]++;
    return Object.entries(counts).map(([need, count]): LabelledValue => [{ need }, count]);
  });
  figures.gauge('villages_pending_documents', 'Documents not yet sent, as the villages reported, in all.', () =>
    enabled().reduce((sum, { pending = 0 }) => sum + pending, 0),
  );
  figures.gauges('alerts', 'Open alerts of the villages, by code and severity.', ['code', 'severity'], () =>
    countsOf(watch.villages),
  );
  // Every figure by village asks for them: they are sorted once a look.
  let sorted: { looked: readonly WatchedVillage[]; few: readonly VillageView[] } | undefined;
  const few = () => {
    const looked = watch.villages;
    if (sorted?.looked !== looked) sorted = { looked, few: enabled().sort(byNeed).slice(0, named) };
    return sorted.few;
  };
  const ofFew = (name: string, help: string, read: (view: VillageView) => number | undefined) =>
    figures.gauges(name, `${help}; of the neediest.`, ['village'], () =>
      few().flatMap((view): LabelledValue[] => {
        const value = read(view);
        return value === undefined ? [] : [[{ village: view.id }, value]];
      }),
    );
  ofFew('village_pending_documents', 'Not yet sent, as reported', ({ pending }) => pending);
  ofFew('village_lost_documents', 'Lost, as its nodes told or reported', (view) => accountedOf(view, 'lost'));
  ofFew('village_quarantined_documents', 'Refused and kept by its nodes, as they told or reported', (view) =>
    accountedOf(view, 'quarantined'),
  );
  ofFew('village_unexplained_documents', 'Not here, and nobody has told why', ({ missing }) => missing?.unexplained);
  ofFew('village_store_used_ratio', 'Store of its node in use, of what it may use, as reported', usedRatioOf);
  const ages = (name: string, help: string, read: (view: VillageView) => string | undefined) =>
    ofFew(name, help, (view) => {
      const at = read(view);
      return at === undefined ? undefined : ageOf(at, clock.now());
    });
  ages('village_last_contact_age_seconds', 'Since a village was last heard of, or added', (view) => {
    return view.lastContactAt ?? view.createdAt;
  });
  ages('village_last_document_age_seconds', 'Since its last document came', (view) => view.lastDocumentAt);
  ages(
    'village_oldest_pending_age_seconds',
    'Age of what it has not sent, as reported',
    (view) => view.oldestPendingAt,
  );
  figures.gauges('village_alerts', 'Open alerts; of the neediest.', ['village'], () => {
    const open = new Map(watch.villages.map(({ view, kept }) => [view.id, kept?.open.length ?? 0]));
    return few().map(({ id }): LabelledValue => [{ village: id }, open.get(id) ?? 0]);
  });
  figures.counters('webhook_alerts_total', 'Alerts webhooks were told of, or could not be.', ['result'], () => [
    [{ result: 'delivered' }, webhooks.counts.delivered],
    [{ result: 'dropped' }, webhooks.counts.dropped],
  ]);
  figures.gauge('webhook_queued_alerts', 'Alerts webhooks are still to be told of.', () => webhooks.counts.queued);
}

/**
 * The greater of what its nodes told in events, which are counted once an hour at most, and of what the newest report says,
 * which comes ahead of events but speaks of one node alone.
 */
function accountedOf({ missing, report }: VillageView, kind: 'lost' | 'quarantined'): number | undefined {
  const known = [missing?.[kind], report?.accounted?.[kind]].filter((count) => count !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function usedRatioOf({ report }: VillageView): number | undefined {
  const { bytes, capacityBytes = 0 } = report?.disk ?? {};
  return bytes === undefined || capacityBytes === 0 ? undefined : bytes / capacityBytes;
}

function ageOf(at: string, nowMs: number): number {
  return Math.max(0, (nowMs - Date.parse(at)) / 1000);
}

function countsOf(villages: readonly WatchedVillage[]): LabelledValue[] {
  const counts = new Map<string, [{ code: string; severity: string }, number]>();
  for (const { code: given, severity } of villages.flatMap(({ kept }) => kept?.open ?? [])) {
    const code = KNOWN_CODES.has(given) ? given : OTHER_CODE;
    const key = `${code} ${severity}`;
    counts.set(key, [{ code, severity }, (counts.get(key)?.[1] ?? 0) + 1]);
  }
  return [...counts.values()];
}
