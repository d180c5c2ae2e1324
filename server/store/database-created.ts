/** When an embedded database was created: with another time it is another database, whatever it holds. */
import { type Database, readLocal, writeLocal } from '../../shared/pouchdb.js';

/** Villages' local documents have a colon in their names. */
const CREATED = 'created';

/** Milliseconds since 1970. */
export async function readCreated(database: Database): Promise<number | undefined> {
  return (await readLocal<{ atMs: number }>(database, CREATED))?.atMs;
}

export function writeCreated(database: Database, atMs: number): Promise<void> {
  return writeLocal(database, CREATED, { atMs });
}
