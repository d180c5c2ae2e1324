/** The parameters of `/v1/completeness`, from text. */
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { parseParameters } from '../../shared/validation.js';
import { daysBetween, MS_PER_DAY, startOfDay } from '../store/days.js';

export interface DaysQuery {
  from: string;
  /** Left out. */
  to: string;
  /** All of them, in order. */
  days: string[];
  village?: string | undefined;
}

const MAX_DAYS = 92;
const daySchema = z
  .string()
  .refine((text) => startOfDay(text) !== undefined, 'must be a day in UTC such as 2026-03-01');

export const daysQuerySchema = z.strictObject({
  from: daySchema.describe('The first day, in UTC'),
  to: daySchema.describe(`The day behind the last one, at most ${MAX_DAYS} days later`),
  village: z.string().optional().describe('This one alone; all of them without'),
});

/** Throws `invalid_request` that names the parameter. */
export function parseDaysQuery(parameters: unknown): DaysQuery {
  const { from, to, village } = parseParameters(daysQuerySchema, parameters);
  const [fromMs = 0, toMs = 0] = [startOfDay(from), startOfDay(to)];
  if (fromMs >= toMs) throw new AppError('invalid_request', 'the parameter from must be before to');
  if (toMs - fromMs > MAX_DAYS * MS_PER_DAY) {
    throw new AppError('invalid_request', `from and to are more than ${MAX_DAYS} days apart; ask for less at a time`);
  }
  return { from, to, village, days: daysBetween(fromMs, toMs) };
}
