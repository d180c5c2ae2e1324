/** Task: `bulkDocs` of ready-made documents into a bare, synced PouchDB, one group after the other. */
import type { Database } from 'pouchdb-core';
import {
  type BenchReading,
  type FleetPlan,
  fleetReadings,
  shuffledReadings,
  storedDocument,
} from '../support/readings.js';
import { serveTask } from '../support/task.js';
import { openBarePouchDb } from './bare-pouchdb.js';

export interface BulkDocsLoad {
  folder: string;
  plan: FleetPlan;
  latePlan: FleetPlan;
  /** Documents the database holds before the clock starts. */
  held: number;
  /** Documents that follow in order, then as many late ones in random order. */
  documents: number;
  group: number;
  /** With the revisions given (`new_edits: false`), as replication writes; otherwise PouchDB makes its own. */
  revisionsGiven: boolean;
}

export interface BulkDocsResult {
  perSecond: number;
  latePerSecond: number;
}

serveTask(async (load: BulkDocsLoad): Promise<BulkDocsResult> => {
  const { folder, plan, latePlan, held, documents } = load;
  const database = await openBarePouchDb(folder);
  for (let from = 0; from < held; from += documents) {
    await write(database, fleetReadings(plan, from, Math.min(documents, held - from)), load);
  }
  const perSecond = await write(database, fleetReadings(plan, held, documents), load);
  const latePerSecond = await write(database, shuffledReadings(latePlan, 0, documents), load);
  const { doc_count: stored } = await database.info();
  await database.close();
  if (stored !== held + 2 * documents) throw new Error(`the peer holds ${stored} documents`);
  return { perSecond, latePerSecond };
});

/** Documents a second; they are made before the clock starts. */
async function write(
  database: Database,
  readings: Iterable<BenchReading>,
  { group, revisionsGiven }: BulkDocsLoad,
): Promise<number> {
  const documents = [...readings].map((reading, i) => {
    const { _rev, ...document } = storedDocument(reading, i + 1);
    return revisionsGiven ? { ...document, _rev } : document;
  });
  const startMs = performance.now();
  for (let from = 0; from < documents.length; from += group) {
    await database.bulkDocs(documents.slice(from, from + group), revisionsGiven ? { new_edits: false } : {});
  }
  return (documents.length / (performance.now() - startMs)) * 1000;
}
