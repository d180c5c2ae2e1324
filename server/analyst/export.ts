/**
 * Telemetry as NDJSON or CSV text, streamed: memory depends on neither the number of documents nor their time range.
 * The CSV header is the union of the field names of all matching documents, found by reading them once before; a field
 * that first appears in a document arriving between the two readings is not in the file.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { csvLine } from './csv.js';

/** Documents in order, read anew at each call. */
export type DocumentSource = () => AsyncIterable<TelemetryDocument>;

/** Text handed on at once: large enough to spare system calls, small enough to keep memory flat. */
const CHUNK_CHARACTERS = 64 * 1024;

export function ndjsonExport(source: DocumentSource): AsyncGenerator<string> {
  return inChunks(source, (document) => `${JSON.stringify(document)}\n`);
}

export async function* csvExport(source: DocumentSource): AsyncGenerator<string> {
  const names = new Set<string>();
  for await (const document of source()) for (const name of Object.keys(document)) names.add(name);
  const columns = columnsOf(names);
  yield csvLine(columns);
  yield* inChunks(source, (document) => csvLine(columns.map((name) => document[name])));
}

const FIRST = ['for', 'at', 'model', 'device'];
const LAST = ['clock', 'node', 'seq', 'boot', '_id', '_rev'];
/** The same in every line of a file. */
const LEFT_OUT = ['type', 'village'];

/** What a reader looks for first, then measurements by name, then what the node added. */
function columnsOf(names: ReadonlySet<string>): string[] {
  const fixed = new Set([...FIRST, ...LAST, ...LEFT_OUT]);
  const measurements = [...names].filter((name) => !fixed.has(name)).sort();
  return [...FIRST.filter((name) => names.has(name)), ...measurements, ...LAST.filter((name) => names.has(name))];
}

async function* inChunks(
  source: DocumentSource,
  line: (document: TelemetryDocument) => string,
): AsyncGenerator<string> {
  let text = '';
  for await (const document of source()) {
    text += line(document);
    if (text.length < CHUNK_CHARACTERS) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
