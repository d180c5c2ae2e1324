/** How many items a page of a list has at most, as query parameters say it. */
import { z } from 'zod';

export const MAX_PAGE_ITEMS = 1000;
export const DEFAULT_PAGE_ITEMS = 100;

const WANTED = `must be a whole number from 1 to ${MAX_PAGE_ITEMS}`;

/** A whole number from 1 to 1,000, as a text. */
export const pageLimitSchema = z
  .string()
  .regex(/^\d{1,4}$/, WANTED)
  .transform(Number)
  .refine((limit) => limit >= 1 && limit <= MAX_PAGE_ITEMS, WANTED);

/** The same where it need not be given. */
export const defaultPageLimitSchema = pageLimitSchema
  .default(DEFAULT_PAGE_ITEMS)
  .describe(`How many at most, 1 to ${MAX_PAGE_ITEMS.toLocaleString('en-US')}; ${DEFAULT_PAGE_ITEMS} unless given`);
