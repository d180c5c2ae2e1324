/** Task: the readings of a village's day, one `put` at a time, into a bare, synced PouchDB. */
import { bytesWritten, bytesWrittenAtRest } from '../support/process-figures.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from '../support/readings.js';
import { serveTask } from '../support/task.js';
import { openBarePouchDb } from './bare-pouchdb.js';

export interface SinglePutsLoad {
  folder: string;
  readings: number;
  /** How long the disk must have been left alone before the bytes are read. */
  quietMs: number;
}

export interface SinglePutsResult {
  /** Undefined where the system does not tell. */
  bytesWritten: number | undefined;
}

serveTask(async ({ folder, readings, quietMs }: SinglePutsLoad): Promise<SinglePutsResult> => {
  const database = await openBarePouchDb(folder);
  const before = await bytesWritten('self');
  let seq = 0;
  for (const reading of fleetReadings(VILLAGE_FLEET, 0, readings)) {
    const { _rev, ...document } = storedDocument(reading, ++seq);
    await database.put(document);
  }
  const after = await bytesWrittenAtRest('self', quietMs);
  await database.close();
  return { bytesWritten: before === undefined || after === undefined ? undefined : after - before };
});
