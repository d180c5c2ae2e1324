/** What a centre of a peer holds: one row a reading, by its id, and each id once. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import type { Express } from 'express';
import type { Held } from '../support/apart.js';
import { inTransaction, openDatabase } from './sqlite-database.js';

export interface ReadingRow {
  id: string;
  /** The reading as JSON; empty where only the id is kept. */
  body: string;
}

const SCHEMA = 'CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID';

export class ReadingTable {
  readonly #database: DatabaseSyncInstance;
  readonly #insert;
  #added = 0;

  /** An empty one, in a file that is not there yet. */
  constructor(file: string) {
    this.#database = openDatabase(file, SCHEMA);
    this.#insert = this.#database.prepare('INSERT OR IGNORE INTO readings (id, body) VALUES (?, ?)');
  }

  /** In one transaction. */
  add(rows: readonly ReadingRow[]): void {
    this.#added += inTransaction(this.#database, () => {
      let added = 0;
      for (const { id, body } of rows) added += Number(this.#insert.run(id, body).changes);
      return added;
    });
  }

  /** `GET /held`, counted on the way, `GET /held/counted`, from the table, and `GET /held/:device`. */
  serve(app: Express): void {
    const count = this.#database.prepare('SELECT count(*) AS readings FROM readings');
    const ofDevice = this.#database.prepare('SELECT count(*) AS readings FROM readings WHERE id > ? AND id < ?');
    app.get('/readyz', (_request, response) => {
      response.json({ ok: true });
    });
    app.get('/held', (_request, response) => {
      response.json({ readings: this.#added } satisfies Held);
    });
    app.get('/held/counted', (_request, response) => {
      response.json(count.get());
    });
    app.get('/held/device/:device', (request, response) => {
      const from = `bench:r:${request.params.device}:`;
      response.json(ofDevice.get(from, `${from}\uffff`));
    });
  }
}
