/** The parameters of `/v1/villages/:id/energy`, from text. */
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { nameSchema } from '../../shared/documents.js';
import { parseInstant } from '../../shared/time.js';
import { parseParameters } from '../../shared/validation.js';
import { type Bucket, bucketsBetween, isTimeZone, type Step, startOfDate } from './calendar-buckets.js';

/** As it was asked: times that were not given are those of the readings there are. */
export interface EnergyQuestion {
  device?: string | undefined;
  fromMs?: number | undefined;
  /** Exclusive. */
  toMs?: number | undefined;
  step: Step;
  /** IANA name. */
  zone: string;
}

export interface EnergyQuery extends EnergyQuestion {
  fromMs: number;
  toMs: number;
  buckets: Bucket[];
}

/** Hours of more than a year. */
const MAX_BUCKETS = 10_000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const MOMENT = 'must be an RFC 3339 date-time such as 2026-03-01T12:00:00Z, or a date such as 2026-03-01';

export const energyQuerySchema = z.strictObject({
  device: nameSchema.optional().describe('Of this meter only'),
  from: z
    .string()
    .optional()
    .describe('From this moment on; a date is its midnight in `tz`; from the first reading without'),
  to: z.string().optional().describe('Up to this moment; up to and with the last reading without'),
  step: z
    .enum(['hour', 'day'], {
      error: ({ input }) => (Array.isArray(input) ? 'must be given once' : 'must be hour or day'),
    })
    .default('day')
    .describe('Length of a bucket; `day` unless given'),
  tz: z
    .string()
    .refine(isTimeZone, 'must be an IANA time zone such as Africa/Douala, or UTC')
    .default('UTC')
    .describe('IANA time zone whose hours and days these are; `UTC` unless given'),
});

/** A date is its midnight in the time zone. Throws `invalid_request` that names the parameter. */
export function parseEnergyQuery(parameters: unknown): EnergyQuestion {
  const { device, from, to, step, tz: zone } = parseParameters(energyQuerySchema, parameters);
  const fromMs = momentOf('from', from, zone);
  const toMs = momentOf('to', to, zone);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    throw new AppError('invalid_request', 'the parameter from must be before to');
  }
  return { device, fromMs, toMs, step, zone };
}

/** `known`: of the readings there are, for what was not asked. Throws `invalid_request` for too many buckets. */
export function withBuckets(question: EnergyQuestion, known: { fromMs: number; toMs: number }): EnergyQuery {
  const { step, zone } = question;
  const fromMs = question.fromMs ?? Math.min(known.fromMs, question.toMs ?? known.fromMs);
  const toMs = question.toMs ?? Math.max(known.toMs, fromMs);
  const buckets = bucketsBetween(fromMs, toMs, { step, zone }, MAX_BUCKETS);
  if (buckets.length > MAX_BUCKETS) {
    const limit = MAX_BUCKETS.toLocaleString('en-US');
    throw new AppError('invalid_request', `from and to are more than ${limit} ${step}s apart; ask for less at a time`);
  }
  return { ...question, fromMs, toMs, buckets };
}

function momentOf(name: string, text: string | undefined, zone: string): number | undefined {
  if (text === undefined) return undefined;
  const ms = DATE.test(text) ? startOfDate(text, zone) : parseInstant(text);
  if (ms !== undefined) return ms;
  throw new AppError('invalid_request', `the parameter ${name} ${MOMENT}`, {
    details: [{ path: name, message: MOMENT }],
  });
}
