/**
 * `_all_docs` of one village out of a store that is no CouchDB: rows by range, in CouchDB's form, streamed. `total_rows`
 * and `offset` are null, as CouchDB has them where it does not know: to count would be to read everything.
 */
import { AppError } from '../../shared/app-error.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';

export interface RangeQuery {
  startKey: string | undefined;
  endKey: string | undefined;
  isDescending: boolean;
  includesEnd: boolean;
  includesDocuments: boolean;
  skip: number;
  /** Infinity for all. */
  limit: number;
}

/** Documents read at once. */
const PAGE = 500;
const NOT_HERE: readonly string[] = ['keys', 'update_seq'];

/** Of parameters checked by name. Throws `not_implemented` for what the embedded store cannot tell. */
export function parseRangeQuery(parameters: URLSearchParams): RangeQuery {
  const missing = NOT_HERE.find((name) => parameters.has(name));
  if (missing !== undefined) {
    throw new AppError(
      'not_implemented',
      `${missing} needs a CouchDB (COUCHDB_URL): the embedded store answers _all_docs by key and range alone`,
    );
  }
  const key = keyOf(parameters, 'key');
  return {
    startKey: key ?? keyOf(parameters, 'startkey') ?? keyOf(parameters, 'start_key'),
    endKey: key ?? keyOf(parameters, 'endkey') ?? keyOf(parameters, 'end_key'),
    isDescending: parameters.get('descending') === 'true',
    includesEnd: parameters.get('inclusive_end') !== 'false',
    includesDocuments: parameters.get('include_docs') === 'true',
    skip: Number(parameters.get('skip') ?? 0),
    limit: Number(parameters.get('limit') ?? Number.POSITIVE_INFINITY),
  };
}

function keyOf(parameters: URLSearchParams, name: string): string | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  const key: unknown = JSON.parse(text);
  if (typeof key === 'string') return key;
  throw new AppError('invalid_request', `the parameter "${name}" must be a text in quotes: ids are texts`);
}

/** The answer's text, in parts. The first part is there only when the store could be read. */
export async function* partitionRows(
  reader: RangeReader,
  village: string,
  query: RangeQuery,
): AsyncGenerator<string, void, undefined> {
  let text = '{"total_rows":null,"offset":null,"rows":[\n';
  let count = 0;
  for await (const page of pagesOf(reader, village, query)) {
    for (const document of page) text += `${count++ === 0 ? '' : ',\n'}${JSON.stringify(rowOf(document, query))}`;
    yield text;
    text = '';
  }
  yield `${text}\n]}\n`;
}

function rowOf(document: TelemetryDocument, { includesDocuments }: RangeQuery): object {
  const { _id: id, _rev: rev } = document;
  return { id, key: id, value: { rev }, ...(includesDocuments ? { doc: document } : {}) };
}

async function* pagesOf(
  reader: RangeReader,
  village: string,
  { startKey, endKey, isDescending, includesEnd, skip, limit }: RangeQuery,
): AsyncGenerator<TelemetryDocument[], void, undefined> {
  // Ids are ASCII, so that the order of texts here is the order of bytes there.
  const [lowest, highest] = [`${village}:`, `${village}:\uffff`];
  const within = (key: string) => (key < lowest ? lowest : key > highest ? highest : key);
  const [first, last] = isDescending ? [highest, lowest] : [lowest, highest];
  const endId = within(endKey ?? last);
  let startId = within(startKey ?? first);
  if (isDescending ? startId < endId : startId > endId) return;
  let [toSkip, left] = [skip, limit];
  let previous: string | undefined;
  while (left > 0) {
    const wanted = Math.min(PAGE, toSkip + left) + (previous === undefined ? 0 : 1);
    const found = await reader.readRange({ startId, endId, descending: isDescending, limit: wanted });
    const fresh = found.filter(({ _id }) => _id !== previous && (includesEnd || _id !== endKey));
    const page = fresh.slice(toSkip, toSkip + left);
    toSkip -= Math.min(toSkip, fresh.length);
    left -= page.length;
    if (page.length > 0) yield page;
    const end = found.at(-1);
    if (end === undefined || found.length < wanted) return;
    previous = end._id;
    startId = previous;
  }
}
