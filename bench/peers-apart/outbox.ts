/**
 * The readings a village has not delivered yet, in a table, in the order they came.
 *
 * Invariants: what `add` has returned is on the disk; a reading that waits is not taken twice; only `remove` forgets.
 */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { inTransaction, openDatabase } from './sqlite-database.js';

export interface OutboxRow {
  seq: number;
  id: string;
  /** The reading as JSON. */
  body: string;
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  body TEXT NOT NULL
)`;

export class Outbox {
  readonly #database: DatabaseSyncInstance;
  readonly #insert;
  readonly #select;
  readonly #delete;

  constructor(file: string) {
    this.#database = openDatabase(file, SCHEMA);
    this.#insert = this.#database.prepare('INSERT OR IGNORE INTO outbox (id, body) VALUES (?, ?)');
    this.#select = this.#database.prepare('SELECT seq, id, body FROM outbox ORDER BY seq LIMIT ?');
    this.#delete = this.#database.prepare('DELETE FROM outbox WHERE seq <= ?');
  }

  /** In one transaction; answers how many were new. */
  add(rows: readonly Omit<OutboxRow, 'seq'>[]): number {
    return inTransaction(this.#database, () => {
      let added = 0;
      for (const { id, body } of rows) added += Number(this.#insert.run(id, body).changes);
      return added;
    });
  }

  /** The oldest, at most so many. */
  oldest(limit: number): OutboxRow[] {
    return this.#select.all(limit) as unknown as OutboxRow[];
  }

  /** Everything up to that number. */
  remove(lastSeq: number): void {
    this.#delete.run(lastSeq);
  }

  close(): void {
    this.#database.close();
  }
}
