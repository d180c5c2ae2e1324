/**
 * Task: PouchDB's own `replicate` at its defaults, from a database of stock documents to a centre.
 *
 * The documents are those a node would send, but with the revisions PouchDB gives (32 digits). The source is opened
 * without `sync`, as it comes.
 */
import PouchDB from 'pouchdb-node';
import { serveTask } from '../support/task.js';
import { fillSource } from './stock-source.js';

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

serveTask(async (load: StockReplicationLoad): Promise<StockReplicationResult> => {
  const { folder, url, user, password, readings } = load;
  const source = new PouchDB(folder);
  await fillSource(source, readings);
  const target = new PouchDB(`${url}/telemetry`, { skip_setup: true, auth: { username: user, password } });
  const startMs = performance.now();
  const { docs_written: written, doc_write_failures: failures } = await PouchDB.replicate(source, target);
  const elapsedMs = performance.now() - startMs;
  await target.close();
  await source.close();
  if (written !== readings || failures !== 0) throw new Error(`stock replication wrote ${written} of ${readings}`);
  return { elapsedMs };
});
