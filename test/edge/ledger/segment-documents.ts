/** Telemetry for tests of segments: numbered and encoded as the ledger does it. */
import fc from 'fast-check';
import { encodeDocuments, type UnnumberedDocument } from '../../../edge/ledger/document-encoding.js';
import { eventId, type TelemetryDocument, telemetryId } from '../../../shared/documents.js';
import type { EncodedDocument } from '../../../shared/pouchdb-layout.js';
import { contentRevision } from '../../../shared/revision.js';
import { formatInstant } from '../../../shared/time.js';

const EPOCH = Date.UTC(2026, 2, 1);
export const VILLAGE = 'kano';
export const NODE = 'abc123';

export interface Place {
  /** Number of the first document. */
  firstSeq?: number;
  node?: string;
  boot?: number;
}

/** Readings number `from` to `to` of a segment, one a second, in id order. */
export function readings(from: number, to: number, place: Place = {}): EncodedDocument[] {
  const documents = Array.from({ length: to - from + 1 }, (_, index) => reading(from + index));
  return encode(documents, { firstSeq: from, ...place });
}

export function encode(
  documents: readonly UnnumberedDocument[],
  { firstSeq = 1, node = NODE, boot = 1 }: Place = {},
): EncodedDocument[] {
  return encodeDocuments(documents, { village: VILLAGE, node, firstSeq }, { boot });
}

export function parsed({ json }: EncodedDocument): TelemetryDocument {
  return JSON.parse(json) as TelemetryDocument;
}

function reading(n: number): UnnumberedDocument {
  const fields = { device: 'm1', at: formatInstant(EPOCH + n * 1000), powerW: n, state: `state of ${n}` };
  const _id = telemetryId(VILLAGE, 'reading', fields);
  return { _id, _rev: contentRevision(_id, fields), type: 'reading', fields };
}

const measurement = fc.oneof(
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 1e21, 1e-7, 5e-324, Number.MAX_SAFE_INTEGER, 0.1 + 0.2),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('"', '\\', '\n\r\t\u0000\u001f', '\u2028\u2029', 'ÿ', '𝄞 €', '\uffff', '</script>', ''),
);
const measurements = fc.dictionary(fc.stringMatching(/^m[A-Za-z0-9]{0,12}$/), measurement, { minKeys: 1, maxKeys: 12 });
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/);
const instant = fc.integer({ min: -EPOCH, max: EPOCH }).map((ms) => formatInstant(EPOCH + ms));

const randomReading = fc.record({ device: name, at: instant, values: measurements }).map(({ values, ...fixed }) => {
  const fields = { ...fixed, ...values };
  return unnumbered('reading', telemetryId(VILLAGE, 'reading', fields), fields);
});
const randomPrediction = fc
  .record({ model: name, at: instant, for: instant, values: measurements })
  .map(({ values, ...fixed }) => {
    const fields = { ...fixed, ...values };
    return unnumbered('prediction', telemetryId(VILLAGE, 'prediction', fields), fields);
  });
const randomEvent = fc.record({ n: fc.nat(), at: instant, event: name, values: measurements }).map((drawn) => {
  const { n, values, ...fixed } = drawn;
  return unnumbered('event', eventId(VILLAGE, NODE, 1, n), { ...fixed, ...values });
});

function unnumbered(
  type: UnnumberedDocument['type'],
  _id: string,
  fields: Record<string, unknown>,
): UnnumberedDocument {
  return { _id, _rev: contentRevision(_id, fields), type, fields };
}

/** Batches of documents of every kind, each id once, each batch in id order, as the ingest queue makes them. */
export const batches: fc.Arbitrary<UnnumberedDocument[][]> = fc
  .array(fc.array(fc.oneof(randomReading, randomPrediction, randomEvent), { minLength: 1, maxLength: 12 }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((drawn) => {
    const known = new Set<string>();
    return drawn
      .map((batch) => batch.filter(({ _id }) => !known.has(_id) && known.add(_id)))
      .filter((batch) => batch.length > 0)
      .map((batch) => batch.sort((a, b) => (a._id < b._id ? -1 : 1)));
  });
