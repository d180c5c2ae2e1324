/** What stock replications read from: the documents a node would send, under the revisions PouchDB gives (32 digits). */
import type { Database } from 'pouchdb-core';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from '../support/readings.js';

const GROUP = 1_000;

/** Fills an empty database with so many readings of the fleet, from its first. */
export async function fillSource(source: Database, readings: number): Promise<void> {
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
