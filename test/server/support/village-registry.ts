/** A village's own registry, which replicates with the centre's when it is told to. */
import path from 'node:path';
import { MendingDatabase } from '../../../shared/mending-database.js';
import { PouchLeaves } from '../../../shared/registry/pouchdb-leaves.js';
import { Registry } from '../../../shared/registry/registry.js';
import { createTempFolder, removeFolder } from '../../support/temp-folder.js';
import { type Centre, json, type VillageLogin } from './centre.js';

interface VillageRegistryOptions {
  centre: Centre;
  login: VillageLogin;
  now?: () => number;
}

export class VillageRegistry {
  readonly registry: Registry;
  readonly author: string;
  readonly #options: VillageRegistryOptions;
  readonly #folder: string;
  readonly #database: MendingDatabase;
  readonly #leaves: PouchLeaves;
  #pushedTo = 0;

  private constructor(options: VillageRegistryOptions, folder: string, database: MendingDatabase) {
    this.#options = options;
    this.#folder = folder;
    this.#database = database;
    this.#leaves = new PouchLeaves(database);
    this.registry = new Registry({ leaves: this.#leaves, now: options.now ?? Date.now });
    this.author = `village:${options.login.id}`;
  }

  static async open(options: VillageRegistryOptions): Promise<VillageRegistry> {
    const folder = await createTempFolder();
    return new VillageRegistry(options, folder, await MendingDatabase.open(path.join(folder, 'registry')));
  }

  /** Edits whatever revision is there. */
  async put(type: string, id: string, body: object): Promise<void> {
    const there = await this.registry.get(type, id);
    await this.registry.put(type, id, body, { author: this.author, ifMatch: there && `"${there._rev}"` });
  }

  /** Sends every leaf of the documents changed since it last did; throws where one is refused. */
  async push(): Promise<void> {
    const since = this.#pushedTo;
    const { results, last_seq: last } = await this.#database.read((database) => database.changes({ since }));
    const docs: object[] = [];
    for (const { id } of results) {
      for (const { rev, path: ids, deleted, body } of await this.#leaves.leaves(id)) {
        const start = Number.parseInt(rev, 10);
        docs.push({ ...body, _id: id, _rev: rev, _revisions: { start, ids }, ...(deleted ? { _deleted: true } : {}) });
      }
    }
    const answer = await this.#ask('_bulk_docs', json({ docs, new_edits: false }));
    const refused = (await answer.json()) as unknown[];
    if (answer.status !== 201 || refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
    this.#pushedTo = Number(last);
  }

  /** Takes every leaf of every document, and joins them. */
  async pull(): Promise<void> {
    const changes = await this.#ask('_changes?style=all_docs');
    const { results } = (await changes.json()) as { results: { id: string }[] };
    for (const { id } of results) {
      const asked = `${encodeURIComponent(id)}?open_revs=all&revs=true`;
      const answer = await this.#ask(asked, { headers: { Accept: 'application/json' } });
      const found = (await answer.json()) as { ok: object }[];
      const docs = found.map(({ ok }) => ok);
      await this.#database.write((database) => database.bulkDocs(docs as never[], { new_edits: false }));
    }
    await this.registry.tend();
  }

  async close(): Promise<void> {
    await this.#database.close();
    await removeFolder(this.#folder);
  }

  #ask(what: string, init: RequestInit = {}): Promise<Response> {
    const { centre, login } = this.#options;
    return centre.as(login, `/registry-${login.id}/${what}`, init);
  }
}
