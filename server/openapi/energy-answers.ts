/** Schemas of what the centre answers about energy. */
import { z } from 'zod';
import { count, instant } from '../../shared/openapi/answers.js';

const some = z.exactOptional(count);
const kwh = z.number();
const fallSchema = z.object({
  from: instant,
  to: instant,
  fromKwh: kwh,
  toKwh: kwh,
  kwh,
  capacityKwh: z.exactOptional(kwh).describe('Of a rollover: the register went on from 0 here'),
});
const registerSchema = z.object({ at: instant, energyKwh: kwh });

const bucketSchema = z.object({
  start: z.string().describe("With the time zone's offset"),
  hours: z.number(),
  kwh: kwh.nullable().describe('`null` where nothing is known'),
  coveredHours: z.exactOptional(z.number()).describe('Where not all of it is covered'),
  interpolatedKwh: z.exactOptional(kwh).describe('Of it: from intervals that span a border'),
  gapKwh: z.exactOptional(kwh).describe('Of it: from times without readings'),
  resets: some,
  rollovers: some,
  steps: some,
  duplicates: some,
  unsureClock: some,
});

export const energySchema = z.object({
  village: z.string(),
  from: instant,
  to: instant,
  step: z.enum(['hour', 'day']),
  tz: z.string(),
  devices: z.array(
    z.object({
      device: z.string(),
      source: z.enum(['energyKwh', 'periodKwh']),
      kwh: kwh.nullable(),
      first: z.exactOptional(registerSchema),
      last: z.exactOptional(registerSchema),
      buckets: z.array(bucketSchema),
      resets: z.array(fallSchema),
      rollovers: z.array(fallSchema),
      steps: z.array(fallSchema),
      gaps: z.array(z.object({ from: instant, to: instant, kwh: kwh.nullable() })),
      duplicates: count,
      unsureClock: count,
    }),
  ),
});
