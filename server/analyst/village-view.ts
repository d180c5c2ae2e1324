/** A village as analysts see it: what is truly known here, nothing guessed. */
import { AppError } from '../../shared/app-error.js';
import { isTellable, type ToldLoss } from '../../shared/told-loss.js';
import type { NumbersMemory } from '../alerts/numbers-memory.js';
import type { NodeReport, ReportedAlert } from '../registry/node-report.js';
import type { VillageProfile } from '../registry/village-profile.js';
import type { VillageRecord } from '../store/contract.js';
import type { AnalystContext } from './analyst-context.js';
import { type Need, needOf } from './need.js';
import { type MissingCounts, type NumbersView, numbersOf } from './village-numbers.js';

export interface VillageView {
  id: string;
  name?: string;
  lat?: number;
  lon?: number;
  region?: string;
  createdAt: string;
  disabled: boolean;
  /** When a request of it last succeeded. */
  lastContactAt?: string;
  /** When it last asked anything, refused or not. */
  lastAttemptAt?: string;
  /** When a document of it was last taken. */
  lastDocumentAt?: string;
  /** When a request of it, or a login in its name, last failed, and with which HTTP status. */
  lastFailureAt?: string;
  lastFailureStatus?: number;
  /** How many have failed. */
  failures?: number;
  /** Not heard of for longer than is expected of a village. */
  silent: boolean;
  /** What it needs somebody for, if anything. */
  need: Need;
  /** Documents of its registry with an open conflict. */
  openConflicts?: number;
  /** What its registry says of it. */
  profile?: VillageProfile;
  /** What is missing of its numbers, as of when they were looked at last; absent where they were not yet. */
  missing?: MissingCounts;
  missingAsOf?: string;
  /** What `missing` leaves out. */
  missingPartly?: string;
  /** So many lost documents were told of as an alert for as long as one is open: they are news no more. */
  lostToldOf?: number;
  /** When its node's newest report came, by the centre's clock; what follows is the village's word as of then. */
  reportedAt?: string;
  pending?: number;
  oldestPendingAt?: string;
  alerts?: ReportedAlert[];
  report?: Omit<NodeReport, 'receivedAt' | 'pending' | 'oldestPendingAt' | 'alerts'>;
}

export interface VillageWithNumbers extends VillageView {
  numbers?: NumbersView;
  /** Why the numbers cannot be told now, in their place. */
  numbersUnknown?: string;
}

const MS_PER_HOUR = 3_600_000;
/** Villages whose numbers are counted at the same time. */
const PARALLEL = 4;

/** A village never heard of is silent once it is older than `silentAfterHours`. */
export function viewOf(record: VillageRecord, nowMs: number, silentAfterHours: number): VillageView {
  const { credentialHash, previousCredentials, disabledAt, report, keptAlerts, ...shown } = record;
  const heardMs = Date.parse(record.lastContactAt ?? record.createdAt);
  const view = {
    ...shown,
    disabled: disabledAt !== undefined,
    silent: nowMs - heardMs > silentAfterHours * MS_PER_HOUR,
    ...(report ? reported(report) : {}),
    ...toldOf(keptAlerts?.loss),
  };
  return { ...view, need: needOf(view) };
}

function toldOf(loss: ToldLoss | undefined): Pick<VillageView, 'lostToldOf'> {
  return loss && !isTellable(loss, loss.count) ? { lostToldOf: loss.count } : {};
}

/** With what is remembered of its numbers. */
export function withMissing(view: VillageView, memory: Pick<NumbersMemory, 'lookedAt'>): VillageView {
  const looked = memory.lookedAt(view.id);
  if (!looked) return view;
  const { missing, at: missingAsOf, partly } = looked;
  const known = { ...view, missing, missingAsOf, ...(partly === undefined ? {} : { missingPartly: partly }) };
  return { ...known, need: needOf(known) };
}

function reported({ receivedAt, pending, oldestPendingAt, alerts, ...report }: NodeReport): Partial<VillageView> {
  return {
    reportedAt: receivedAt,
    ...(pending === undefined ? {} : { pending }),
    ...(oldestPendingAt === undefined ? {} : { oldestPendingAt }),
    ...(alerts === undefined ? {} : { alerts }),
    report,
  };
}

/** In the order of the records. */
export async function viewsWithNumbers(
  context: AnalystContext,
  records: readonly VillageRecord[],
): Promise<VillageWithNumbers[]> {
  const views: VillageWithNumbers[] = [];
  for (let start = 0; start < records.length; start += PARALLEL) {
    const part = records.slice(start, start + PARALLEL);
    views.push(...(await Promise.all(part.map((record) => viewWithNumbers(context, record)))));
  }
  return views;
}

async function viewWithNumbers(context: AnalystContext, record: VillageRecord): Promise<VillageWithNumbers> {
  const { contacts, clock, silentAfterHours, store } = context;
  const known = contacts.complete(record);
  const view = viewOf(known, clock.now(), silentAfterHours);
  const { lastDocumentAt, report } = known;
  const question = { village: record.id, lastDocumentAt, report, silentAfterHours };
  try {
    const numbers = await numbersOf(store(), question);
    const { missing, partly } = numbers;
    const need = needOf({ ...view, missing, ...(partly === undefined ? {} : { missingPartly: partly }) });
    return { ...view, numbers, need };
  } catch (error) {
    // When a village was last heard of is worth telling all the same.
    if (error instanceof AppError && error.retryable) return { ...view, numbersUnknown: error.message };
    throw error;
  }
}
