/** Readings of many small villages as bodies of `_bulk_docs`. */
import { telemetryId } from '../../shared/documents.js';
import { contentRevision } from '../../shared/revision.js';
import { type BenchReading, fleetReadings, storedDocument, VILLAGE_FLEET } from '../support/readings.js';
import { villageName } from './couch.js';

/** Of the village that docs/scaling.md reckons with. */
export const METERS = 50;
export const FLEET = { ...VILLAGE_FLEET, meters: METERS };

/** Villages of `METERS` meters each. */
export interface Load {
  villages: number;
  /** Readings of each village, sent in batches. */
  perVillage: number;
  batch: number;
  inFlight: number;
}

/** Bodies of all villages in turn, as they arrive when each is up to date; made before the clock starts. */
export function makeBodies({ villages, perVillage, batch }: Load): string[] {
  const bodies: string[] = [];
  for (let first = 0; first < perVillage; first += batch) {
    const readings = [...fleetReadings(FLEET, first, batch)];
    for (let n = 0; n < villages; n++) bodies.push(makeBody(villageName(n), readings, first));
  }
  return bodies;
}

/** Readings number `first` and so on of a village, counted from 0. */
export function makeBody(village: string, readings: readonly BenchReading[], first: number): string {
  const docs = readings.map((reading, i) => {
    const _id = telemetryId(village, 'reading', reading);
    return { ...storedDocument(reading, first + i + 1), village, _id, _rev: contentRevision(_id, reading) };
  });
  return JSON.stringify({ docs, new_edits: false });
}
