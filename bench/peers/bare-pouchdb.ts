/** A PouchDB on LevelDB as it comes, but for synced writes; what the peers write to. */
import leveldbAdapter from 'pouchdb-adapter-leveldb';
import PouchDB, { type Database } from 'pouchdb-core';

/** Opens an empty database in `folder`. */
export async function openBarePouchDb(folder: string): Promise<Database> {
  PouchDB.plugin(leveldbAdapter);
  const database: Database = new PouchDB(folder, { adapter: 'leveldb', sync: true });
  await database.info();
  return database;
}
