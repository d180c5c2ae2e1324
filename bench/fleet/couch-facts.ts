/** What CouchDB tells of a database: documents in it, and what it and its indexes take on the disk. */
import { type CouchDb, couchdbFetch } from '../../test/support/couchdb.js';

export interface DiskFigures {
  /** The file, as it grew. */
  fileBytes: number;
  /** Of that, what compaction would keep. */
  activeBytes: number;
  /** Files of all indexes. */
  indexBytes: number;
}

interface Sizes {
  file: number;
  active: number;
}

/** Documents, design documents included; undefined while CouchDB does not answer. */
export async function documentCount(couchdb: CouchDb, database: string): Promise<number | undefined> {
  try {
    const response = await couchdbFetch(couchdb, `/${database}`, { signal: AbortSignal.timeout(5_000) });
    const { doc_count: count } = (await response.json()) as { doc_count?: number };
    return response.ok ? count : undefined;
  } catch {
    return undefined;
  }
}

/** Documents that villages have sent, design documents left out. */
export async function telemetryCount(couchdb: CouchDb, database: string): Promise<number> {
  const { doc_count: all } = await ask<{ doc_count: number }>(couchdb, `/${database}`);
  const { rows } = await ask<{ rows: unknown[] }>(couchdb, `/${database}/_design_docs`);
  return all - rows.length;
}

export async function diskFigures(couchdb: CouchDb, database: string): Promise<DiskFigures> {
  const { sizes } = await ask<{ sizes: Sizes }>(couchdb, `/${database}`);
  const { rows } = await ask<{ rows: { id: string }[] }>(couchdb, `/${database}/_design_docs`);
  let indexBytes = 0;
  for (const { id } of rows) {
    const info = await ask<{ view_index: { sizes: Sizes } }>(couchdb, `/${database}/${id}/_info`);
    indexBytes += info.view_index.sizes.file;
  }
  return { fileBytes: sizes.file, activeBytes: sizes.active, indexBytes };
}

async function ask<T>(couchdb: CouchDb, path: string): Promise<T> {
  const response = await couchdbFetch(couchdb, path);
  if (!response.ok) throw new Error(`CouchDB answered ${response.status} to GET ${path}`);
  return (await response.json()) as T;
}
