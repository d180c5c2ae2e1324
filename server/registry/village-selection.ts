/** Which villages a document is pushed to: some by name, those of a region, or all of them, disabled ones too. */
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { villageIdSchema } from '../../shared/documents.js';
import type { VillageRecord } from '../store/contract.js';

const MAX_NAMED = 20_000;
const WANTED = `must be "all", a list of 1 to ${MAX_NAMED} village ids, or {"region": …}`;

export const regionSchema = z
  .string()
  .min(1)
  .max(64)
  .refine((region) => region.isWellFormed() && region.trim() === region, 'must not begin or end with a blank');

export type VillageSelection = 'all' | readonly string[] | { region: string };

/** Whichever form was meant, `selectionSchema` answers with one sentence. */
export const selectionForms = z.union([
  z.literal('all'),
  z.array(z.string()).min(1).max(MAX_NAMED),
  z.strictObject({ region: regionSchema }),
]);

export const selectionSchema = z.custom<VillageSelection>((value) => selectionForms.safeParse(value).success, {
  error: WANTED,
});

/** A village that was asked for; `record` is absent where there is none of that name. */
export interface SelectedVillage {
  village: string;
  record?: VillageRecord;
}

/** In the order asked for, or by id; each once. Throws `not_found` where a region has no village. */
export function selectVillages(records: readonly VillageRecord[], selection: VillageSelection): SelectedVillage[] {
  if (selection === 'all') return records.map(selected);
  if ('region' in selection) {
    const found = records.filter(({ region }) => region === selection.region);
    if (found.length > 0) return found.map(selected);
    throw new AppError('not_found', `there is no village in the region ${JSON.stringify(selection.region)}`);
  }
  const byId = new Map(records.map((record) => [record.id, record]));
  const names = new Set(selection.map((name) => villageIdSchema.safeParse(name).data ?? name.slice(0, 64)));
  return [...names].map((village) => {
    const record = byId.get(village);
    return record ? selected(record) : { village };
  });
}

function selected(record: VillageRecord): SelectedVillage {
  return { village: record.id, record };
}
