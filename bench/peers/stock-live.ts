/**
 * Task: PouchDB's own live replication at its defaults, which finds a backlog, and a reading that is put right then: how
 * long until that has been written at the centre.
 */
import PouchDB from 'pouchdb-node';
import { formatInstant } from '../../shared/time.js';
import { storedDocument } from '../support/readings.js';
import { serveTask } from '../support/task.js';
import type { StockReplicationLoad } from './stock-replication.js';
import { fillSource } from './stock-source.js';

export interface StockLiveLoad extends StockReplicationLoad {
  /** Of the fresh reading. */
  device: string;
}

export interface StockLiveResult {
  /** From the put of the fresh reading until everything is written. */
  freshMs: number;
}

serveTask(async ({ folder, url, user, password, readings, device }: StockLiveLoad): Promise<StockLiveResult> => {
  const source = new PouchDB(folder);
  await fillSource(source, readings);
  const target = new PouchDB(`${url}/telemetry`, { skip_setup: true, auth: { username: user, password } });
  const replication = PouchDB.replicate(source, target, { live: true, retry: true });
  const written = new Promise<void>((resolve, reject) => {
    replication.on('change', ({ docs_written: count }) => count > readings && resolve());
    replication.on('error', () => reject(new Error('stock live replication ended by itself')));
  });
  const startMs = performance.now();
  const { _rev, ...document } = storedDocument({ device, at: formatInstant(Date.now()), powerW: 230.5 }, readings + 1);
  await source.put(document);
  await written;
  const freshMs = performance.now() - startMs;
  replication.cancel();
  await replication;
  await target.close();
  await source.close();
  return { freshMs };
});
