/**
 * Task: PouchDB's own `replicate` at its defaults, from a database of stock documents to a centre.
 *
 * The documents are those a node would send, but with the revisions PouchDB gives (32 digits). The source is opened
 * without `sync`, as it comes.
 */
import type { Database } from 'pouchdb-core';
import PouchDB from 'pouchdb-node';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from '../support/readings.js';
import { serveTask } from '../support/task.js';

export interface StockReplicationLoad {
  /** A folder for the source; not there yet. */
  folder: string;
  /** Origin of the centre. */
  url: string;
  user: string;
  password: string;
  /** So many readings of the fleet, from its first. */
  readings: number;
}

export interface StockReplicationResult {
  /** From the call of `replicate` to its end. */
  elapsedMs: number;
}

const GROUP = 1_000;

serveTask(async (load: StockReplicationLoad): Promise<StockReplicationResult> => {
  const { folder, url, user, password, readings } = load;
  const source = new PouchDB(folder);
  await fill(source, readings);
  const target = new PouchDB(`${url}/telemetry`, { skip_setup: true, auth: { username: user, password } });
  const startMs = performance.now();
  const { docs_written: written, doc_write_failures: failures } = await PouchDB.replicate(source, target);
  const elapsedMs = performance.now() - startMs;
  await target.close();
  await source.close();
  if (written !== readings || failures !== 0) throw new Error(`stock replication wrote ${written} of ${readings}`);
  return { elapsedMs };
});

async function fill(source: Database, readings: number): Promise<void> {
  let group: object[] = [];
  let seq = 0;
  for (const reading of fleetReadings(VILLAGE_FLEET, 0, readings)) {
    const { _rev, ...document } = storedDocument(reading, ++seq);
    group.push(document);
    if (group.length < GROUP && seq < readings) continue;
    await source.bulkDocs(group);
    group = [];
  }
}
