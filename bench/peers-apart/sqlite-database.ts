/**
 * A SQLite as such projects open it: write-ahead log, and synced at the end of each transaction (`synchronous=FULL`).
 */
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';

/** Opens or makes the database and its tables. */
export function openDatabase(file: string, schema: string): DatabaseSyncInstance {
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode=WAL');
  database.exec('PRAGMA synchronous=FULL');
  database.exec(schema);
  return database;
}

/** All of the work or nothing of it; it is on the disk when this returns. */
export function inTransaction<T>(database: DatabaseSyncInstance, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
