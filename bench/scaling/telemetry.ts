/** Telemetry in a CouchDB set up as the centre does it: how fast it is written and indexed, its size, and reads of it. */
import { randomBytes } from 'node:crypto';
import { DESIGN } from '../../server/store/couch-receipts.js';
import { CouchdbStore } from '../../server/store/couchdb-store.js';
import { sleep } from '../../shared/time.js';
import { type CouchDb, couchdbFetch, deleteDatabase } from '../../test/support/couchdb.js';
import { median } from '../support/statistics.js';
import { type Load, makeBodies } from './batches.js';
import { ask, inParallel, seconds, tell, villageName } from './couch.js';

/** The node of all documents there. */
const NODE = 'peer00';
const COMPACTION_WITHIN_MS = 180_000;
const INDEXED_WITHIN_MS = 600_000;

interface Sizes {
  documents: number;
  fileBytes: number;
  /** Without what a compaction would drop. */
  activeBytes: number;
  viewBytes: number;
}

/** Writes a load, tells what came of it, hands the prefix of the databases to `also`, and deletes them. */
export async function measureTelemetry(
  couchdb: CouchDb,
  load: Load,
  also: (prefix: string) => Promise<void>,
): Promise<void> {
  const prefix = `scaling${randomBytes(4).toString('hex')}-`;
  const store = await CouchdbStore.open({ ...couchdb, prefix, deadlineMs: 60_000 });
  try {
    const db = `/${prefix}telemetry`;
    const documents = load.villages * load.perVillage;
    const bodies = makeBodies(load);
    const startMs = performance.now();
    await write(couchdb, db, bodies, load.inFlight);
    const writtenMs = performance.now();
    await untilIndexed(couchdb, db, load);
    const indexedMs = performance.now();
    const before = await sizesOf(couchdb, db);
    tell(`telemetry, ${documents} documents, batches of ${load.batch}, ${load.inFlight} in flight`, {
      writtenPerS: Math.round((documents * 1000) / (writtenMs - startMs)),
      writtenAndIndexedPerS: Math.round((documents * 1000) / (indexedMs - startMs)),
      ...perDocument(before),
    });
    await compact(couchdb, db);
    tell('  after compaction', perDocument(await sizesOf(couchdb, db)));
    await timeReads(couchdb, store, db, load);
    await also(prefix);
  } finally {
    await store.close();
    for (const name of ['telemetry', 'villages']) await deleteDatabase(couchdb, prefix + name);
  }
}

/** As after a restored backup, or with a new definition: from nothing. */
export async function rebuildIndex(couchdb: CouchDb, prefix: string, load: Load): Promise<void> {
  const db = `/${prefix}telemetry`;
  const { _rev: rev } = await ask<{ _rev: string }>(couchdb, `${db}/${DESIGN}`);
  await ask(couchdb, `${db}/${DESIGN}?rev=${rev}`, { method: 'DELETE' });
  await ask(couchdb, `${db}/_view_cleanup`, { method: 'POST', body: '{}' });
  const startMs = performance.now();
  const store = await CouchdbStore.open({ ...couchdb, prefix, deadlineMs: 60_000 });
  try {
    await untilIndexed(couchdb, db, load);
    const documents = load.villages * load.perVillage;
    tell('  index built from nothing', { documentsPerS: Math.round(documents / seconds(startMs)) });
  } finally {
    await store.close();
  }
}

async function write(couchdb: CouchDb, db: string, bodies: readonly string[], inFlight: number): Promise<void> {
  await inParallel(bodies.length, inFlight, async (n) => {
    const failed = await ask<unknown[]>(couchdb, `${db}/_bulk_docs`, { method: 'POST', body: bodies[n] ?? '' });
    if (failed.length > 0) throw new Error(`CouchDB refused documents: ${JSON.stringify(failed).slice(0, 200)}`);
  });
}

/**
 * A question to any partition brings the index of its shard up to date: forty villages are in all shards. CouchDB gives
 * up an answer after a minute, and goes on building.
 */
async function untilIndexed(couchdb: CouchDb, db: string, { villages }: Load): Promise<void> {
  const deadlineMs = performance.now() + INDEXED_WITHIN_MS;
  for (let n = 0; n < Math.min(villages, 40); n++) {
    const path = `${db}/_partition/${villageName(n)}/${DESIGN}/_view/numbers`;
    for (;;) {
      const response = await couchdbFetch(couchdb, path);
      await response.text();
      if (response.ok) break;
      if (performance.now() > deadlineMs) throw new Error(`the index is not there: ${response.status}`);
      await sleep(100);
    }
  }
}

async function sizesOf(couchdb: CouchDb, db: string): Promise<Sizes> {
  const info = await ask<{ doc_count: number; sizes: { file: number; active: number } }>(couchdb, db);
  const design = await ask<{ view_index: { sizes: { file: number } } }>(couchdb, `${db}/${DESIGN}/_info`);
  return {
    documents: info.doc_count,
    fileBytes: info.sizes.file,
    activeBytes: info.sizes.active,
    viewBytes: design.view_index.sizes.file,
  };
}

function perDocument({ documents, fileBytes, activeBytes, viewBytes }: Sizes): object {
  const each = (bytes: number) => Math.round(bytes / documents);
  return {
    ...{
      documents,
      fileBytesEach: each(fileBytes),
      activeBytesEach: each(activeBytes),
      viewBytesEach: each(viewBytes),
    },
  };
}

async function compact(couchdb: CouchDb, db: string): Promise<void> {
  const startMs = performance.now();
  const running = async () => {
    const { compact_running: database } = await ask<{ compact_running: boolean }>(couchdb, db);
    const { view_index: view } = await ask<{ view_index: { compact_running: boolean } }>(
      couchdb,
      `${db}/${DESIGN}/_info`,
    );
    return database || view.compact_running;
  };
  for (const of of ['_compact', `_compact/${DESIGN.slice('_design/'.length)}`]) {
    await ask(couchdb, `${db}/${of}`, { method: 'POST', body: '{}' });
  }
  do {
    if (performance.now() - startMs > COMPACTION_WITHIN_MS) throw new Error('the compaction does not end');
    await sleep(250);
  } while (await running());
  tell('  compaction', { seconds: seconds(startMs) });
}

async function timeReads(couchdb: CouchDb, store: CouchdbStore, db: string, load: Load): Promise<void> {
  const village = villageName(0);
  const device = `${village}:r:meter-0001:`;
  const range = `startkey=${encodeURIComponent(JSON.stringify(device))}&endkey=${encodeURIComponent(JSON.stringify(`${device}~`))}`;
  const rows = async (query: string) => {
    const path = `${db}/_partition/${village}/_all_docs?include_docs=true&${query}`;
    return (await ask<{ rows: unknown[] }>(couchdb, path)).rows.length;
  };
  const timed = async (work: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let n = 0; n < 20; n++) {
      const startMs = performance.now();
      await work();
      times.push(performance.now() - startMs);
    }
    return Number(median(times).toFixed(1));
  };
  tell('  reads, median of 20, milliseconds', {
    partition: (await ask<{ sizes: object }>(couchdb, `${db}/_partition/${village}`)).sizes,
    deviceDocuments: await rows(`${range}&limit=100`),
    deviceMs: await timed(() => rows(`${range}&limit=100`)),
    thousandDocumentsMs: await timed(() => rows('limit=1000')),
    receiptMs: await timed(() => store.receipt(village, NODE, 1, load.perVillage)),
    receipt: await store.receipt(village, NODE, 1, load.perVillage),
    numbersMs: await timed(() => store.numbers.nodes(village)),
  });
}
