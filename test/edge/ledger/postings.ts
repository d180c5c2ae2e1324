/** Random postings over few devices, times and values, so that repeats and conflicts are common. */
import fc from 'fast-check';
import type { PostedDocument } from '../../../shared/documents.js';
import { formatInstant } from '../../../shared/time.js';
import type { Posting } from './ingest-model.js';

const EPOCH = Date.parse('2026-03-01T00:00:00.000Z');
const instant = fc.integer({ min: 0, max: 9 }).map((step) => formatInstant(EPOCH + step * 900_000));
const device = fc.constantFrom('m1', 'm1-b', 'M1', '_');
const powerW = fc.integer({ min: 0, max: 2 });

const reading = fc
  .record({ device, at: instant, powerW })
  .map((fields): PostedDocument => ({ type: 'reading', fields }));

const prediction = fc
  .record({ device: fc.option(device), at: instant, for: fc.option(instant), powerW })
  .map(({ device: about, for: time, ...rest }): PostedDocument => {
    const optional = { ...(about === null ? {} : { device: about }), ...(time === null ? {} : { for: time }) };
    return { type: 'prediction', fields: { model: 'pv', ...optional, ...rest } };
  });

export const posting: fc.Arbitrary<Posting> = fc.record({
  documents: fc.array(fc.oneof({ weight: 3, arbitrary: reading }, { weight: 1, arbitrary: prediction }), {
    minLength: 1,
    maxLength: 12,
  }),
  partial: fc.boolean(),
});

/** Postings of one kind, as one request can carry them. */
export const onePosting: fc.Arbitrary<Posting> = posting.map(({ documents, partial }) => {
  const kind = documents[0]?.type;
  return { documents: documents.filter(({ type }) => type === kind), partial };
});
