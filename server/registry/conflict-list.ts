/**
 * The open conflicts of many villages, page by page, in the order of the villages and within one of the documents. Only
 * registries of which the village's record says that they have some are opened.
 */
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { defaultPageLimitSchema } from '../../shared/page-limit.js';
import type { Conflict } from '../../shared/registry/registry-view.js';
import { parseParameters } from '../../shared/validation.js';
import type { VillageRecord } from '../store/contract.js';

export type VillageConflict = Conflict & { village: string };

export interface ConflictPage {
  items: VillageConflict[];
  /** Cursor of the page behind it; absent at the end. */
  next?: string;
  /** Villages whose registries could not be asked now, the first of them; absent where there are none. */
  unavailable?: string[];
}

export interface ConflictQuery {
  village?: string | undefined;
  limit: number;
  /** The conflict before the page. */
  after?: { village: string; document: string } | undefined;
}

/** Registries that are read at the same time. */
const PARALLEL = 4;
const MAX_UNAVAILABLE = 100;

export const conflictQuerySchema = z.strictObject({
  village: z.string().optional().describe('Of this village only'),
  limit: defaultPageLimitSchema,
  cursor: z.string().max(512, 'is not a cursor this program gave').optional().describe('The `next` of the page before'),
});

/** Throws `invalid_request` that names the parameter. */
export function parseConflictQuery(parameters: unknown): ConflictQuery {
  const { village, limit, cursor } = parseParameters(conflictQuerySchema, parameters);
  return { village, limit, after: cursor === undefined ? undefined : placeOf(cursor) };
}

export type ConflictsOf = (village: string) => Promise<Conflict[]>;

/**
 * `records`: those that may have some, in any order. `onUnavailable` hears of a village that cannot be asked now, which
 * keeps no other from being told of; without it the page fails.
 */
export async function conflictPage(
  records: readonly VillageRecord[],
  { limit, after }: Pick<ConflictQuery, 'limit' | 'after'>,
  conflictsOf: ConflictsOf,
  onUnavailable?: (village: string, error: unknown) => void,
): Promise<ConflictPage> {
  const unavailable: string[] = [];
  const found = await foundIn(records, { limit, after }, (village) =>
    ofVillage(village, conflictsOf).catch((error: unknown) => {
      if (!onUnavailable) throw error;
      onUnavailable(village, error);
      unavailable.push(village);
      return [];
    }),
  );
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    ...(found.length > limit && last ? { next: cursorOf(last) } : {}),
    ...(unavailable.length === 0 ? {} : { unavailable: unavailable.sort().slice(0, MAX_UNAVAILABLE) }),
  };
}

async function foundIn(
  records: readonly VillageRecord[],
  { limit, after }: Pick<ConflictQuery, 'limit' | 'after'>,
  conflictsOf: (village: string) => Promise<VillageConflict[]>,
): Promise<VillageConflict[]> {
  const ids = records.map(({ id }) => id).filter((id) => id >= (after?.village ?? ''));
  ids.sort();
  const found: VillageConflict[] = [];
  // One more than asked for tells whether there is a next page.
  for (let start = 0; start < ids.length && found.length <= limit; start += PARALLEL) {
    const part = await Promise.all(ids.slice(start, start + PARALLEL).map(conflictsOf));
    found.push(...part.flat().filter((one) => isBehind(one, after)));
  }
  return found;
}

async function ofVillage(village: string, conflictsOf: ConflictsOf): Promise<VillageConflict[]> {
  const found = (await conflictsOf(village)).map((one) => ({ village, ...one }));
  return found.sort((a, b) => (a._id < b._id ? -1 : 1));
}

function isBehind({ village, _id }: VillageConflict, after: ConflictQuery['after']): boolean {
  return !after || village > after.village || _id > after.document;
}

function cursorOf({ village, _id }: VillageConflict): string {
  return Buffer.from(`${village}/${_id}`).toString('base64url');
}

function placeOf(cursor: string): { village: string; document: string } {
  const [, village, document] = /^([a-z0-9_-]+)\/(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (village !== undefined && document !== undefined) return { village, document };
  const message = 'is not a cursor this program gave';
  throw new AppError('invalid_request', `the parameter cursor ${message}`, { details: [{ path: 'cursor', message }] });
}
