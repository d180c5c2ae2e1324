/**
 * Telemetry as NDJSON or CSV lines, one document at a time: memory depends on neither the number of documents nor their
 * time range.
 *
 * A CSV header must be written before all documents were seen. Without `fields` its measurements are those of the first
 * and the last document of each device; whatever else a document has is in its last column, `extra`, as a JSON object: no
 * value is ever left out. With `fields` the columns are these and no others.
 */

import { csvLine } from '../../shared/csv.js';
import type { PostedType, TelemetryDocument } from '../../shared/documents.js';

export interface CsvSource {
  type: PostedType;
  /** All documents, in order. */
  documents: AsyncIterable<TelemetryDocument>;
  /** Some of them, to learn the names of measurements from; not asked with `fields`. */
  sample(): AsyncIterable<TelemetryDocument>;
  /** The measurements that are wanted, in this order. */
  fields: readonly string[] | undefined;
}

export async function* ndjsonLines(documents: AsyncIterable<TelemetryDocument>): AsyncGenerator<string> {
  for await (const document of documents) yield `${JSON.stringify(document)}\n`;
}

export async function* csvLines({ type, documents, sample, fields }: CsvSource): AsyncGenerator<string> {
  const measurements = fields ?? (await measurementsIn(sample()));
  const columns = [...FIRST[type], ...measurements, ...LAST];
  const known = new Set([...columns, ...LEFT_OUT]);
  // With the first document: once something is given the store has been asked.
  let header = csvLine(fields ? columns : [...columns, EXTRA]);
  for await (const document of documents) {
    const cells = columns.map((name) => (Object.hasOwn(document, name) ? document[name] : undefined));
    yield header + csvLine(fields ? cells : [...cells, extraOf(document, known)]);
    header = '';
  }
  if (header !== '') yield header;
}

const EXTRA = 'extra';
/** What a reader looks for first. */
const FIRST = { reading: ['at', 'device'], prediction: ['for', 'at', 'model', 'device'] } as const;
/** What the node added. */
const LAST = ['clock', 'node', 'seq', 'boot', '_id', '_rev'];
/** The same in every line of a file. */
const LEFT_OUT = ['type', 'village'];
const FIXED: ReadonlySet<string> = new Set([...FIRST.prediction, ...LAST, ...LEFT_OUT, EXTRA]);

async function measurementsIn(sample: AsyncIterable<TelemetryDocument>): Promise<string[]> {
  const names = new Set<string>();
  for await (const document of sample) {
    for (const name of Object.keys(document)) if (!FIXED.has(name)) names.add(name);
  }
  return [...names].sort();
}

/** What no column of the file holds, as JSON; nothing in almost every document. */
function extraOf(document: TelemetryDocument, known: ReadonlySet<string>): string | undefined {
  const others = Object.entries(document).filter(([name]) => !known.has(name));
  return others.length === 0 ? undefined : JSON.stringify(Object.fromEntries(others));
}
