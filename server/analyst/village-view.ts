/** A village as analysts see it: what is truly known here, nothing guessed. */
import { AppError } from '../../shared/app-error.js';
import type { VillageRecord } from '../store/contract.js';
import type { AnalystContext } from './analyst-context.js';
import { type NumbersView, numbersOf } from './village-numbers.js';

export interface VillageView {
  id: string;
  name?: string;
  lat?: number;
  lon?: number;
  createdAt: string;
  disabled: boolean;
  /** When a request of it last succeeded. */
  lastContactAt?: string;
  /** When it last asked anything, refused or not. */
  lastAttemptAt?: string;
  /** When a document of it was last taken. */
  lastDocumentAt?: string;
  /** Not heard of for longer than is expected of a village. */
  silent: boolean;
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
  const { credentialHash, disabledAt, ...shown } = record;
  const heardMs = Date.parse(record.lastContactAt ?? record.createdAt);
  return {
    ...shown,
    disabled: disabledAt !== undefined,
    silent: nowMs - heardMs > silentAfterHours * MS_PER_HOUR,
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
  const question = { village: record.id, lastDocumentAt: known.lastDocumentAt, silentAfterHours };
  try {
    return { ...view, numbers: await numbersOf(store(), question) };
  } catch (error) {
    // When a village was last heard of is worth telling all the same.
    if (error instanceof AppError && error.retryable) return { ...view, numbersUnknown: error.message };
    throw error;
  }
}
