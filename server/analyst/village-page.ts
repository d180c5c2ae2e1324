/** The list of villages, page by page: by id, or those first that need somebody most. Pure. */
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { pageLimitSchema } from '../../shared/page-limit.js';
import { parseParameters } from '../../shared/validation.js';
import { cursorFrom, cursorParts } from './cursor-parts.js';
import { compareRanks, type NeedRank, rankOf } from './need.js';
import type { VillageView } from './village-view.js';

const MAX_CURSOR_CHARACTERS = 500;

export const villageListSchema = z.strictObject({
  numbers: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .optional()
    .describe("Also what is held of each village's numbers, which takes longer"),
  order: z
    .enum(['id', 'need'], { error: 'must be id or need' })
    .default('id')
    .describe('By id, or those first that need somebody most; `id` unless given'),
  limit: pageLimitSchema.optional().describe('How many at most, 1 to 1,000; all of them without'),
  cursor: z
    .string()
    .max(MAX_CURSOR_CHARACTERS, 'is not a cursor this program gave')
    .optional()
    .describe('The `next` of the page before'),
});

export type VillageListQuery = z.infer<typeof villageListSchema>;

export interface VillagePage<View> {
  items: View[];
  /** Absent at the end. */
  next?: string;
}

/** Throws `invalid_request` that names the parameter. */
export function parseVillageList(parameters: unknown): VillageListQuery {
  return parseParameters(villageListSchema, parameters);
}

/**
 * A village that comes to need more or less between two pages may be on both or on none of them. Throws `invalid_request`
 * for a cursor of another order, or none at all.
 */
export function pageOf<View extends VillageView>(
  views: readonly View[],
  { order, limit = Number.POSITIVE_INFINITY, cursor }: Pick<VillageListQuery, 'order' | 'limit' | 'cursor'>,
): VillagePage<View> {
  const rank = (view: View): NeedRank => (order === 'need' ? rankOf(view) : [0, 0, view.id]);
  const ranked = views.map((view) => ({ view, rank: rank(view) }));
  ranked.sort((a, b) => compareRanks(a.rank, b.rank));
  const behind = cursor === undefined ? undefined : rankIn(cursor, order);
  const start = behind ? ranked.findIndex((one) => compareRanks(one.rank, behind) > 0) : 0;
  if (start < 0) return { items: [] };
  const items = ranked.slice(start, start + limit);
  const last = items.at(-1);
  const isEnd = start + items.length >= ranked.length || !last;
  return { items: items.map(({ view }) => view), ...(isEnd ? {} : { next: cursorOf(order, last.rank) }) };
}

function cursorOf(order: string, rank: NeedRank): string {
  return cursorFrom([order, ...rank]);
}

function rankIn(cursor: string, order: string): NeedRank {
  const [of, need, pending, id] = cursorParts(cursor);
  if (of === order && typeof need === 'number' && typeof pending === 'number' && typeof id === 'string') {
    return [need, pending, id];
  }
  throw new AppError('invalid_request', 'the parameter cursor is not one this program gave for this order');
}
