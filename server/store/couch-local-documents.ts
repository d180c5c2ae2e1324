/** `_local` documents in a database of CouchDB, each village's apart. */
import { AppError } from '../../shared/app-error.js';
import type { LocalDocument, LocalDocuments } from './contract.js';
import type { CouchClient } from './couch-client.js';
import { localDocumentId } from './local-document-id.js';
import { OverlapTurns } from './overlap-turns.js';

const RETRY_AFTER_S = 5;

export class CouchLocalDocuments implements LocalDocuments {
  readonly #client: Pick<CouchClient, 'request'>;
  readonly #db: string;
  readonly #turns = new OverlapTurns();

  constructor(client: Pick<CouchClient, 'request'>, db: string) {
    this.#client = client;
    this.#db = db;
  }

  async get(village: string, name: string): Promise<LocalDocument | undefined> {
    const { status, body } = await this.#client.request<{ _id: string; _rev: string; reason?: string }>({
      db: this.#db,
      path: pathOf(village, name),
      expected: [404],
    });
    if (status === 404) return undefinedUnlessGone(body.reason);
    const { _id, _rev: rev, ...fields } = body;
    return { rev, body: fields };
  }

  // A CouchDB cluster takes any revision of a `_local` document that looks like one: the checks are ours.

  put(village: string, name: string, body: Record<string, unknown>, rev: string | undefined): Promise<string> {
    return this.#inTurn(village, name, async (present) => {
      if (present?.rev !== rev) throw new AppError('conflict', 'Document update conflict.');
      const answer = await this.#client.request<{ rev: string }>({
        db: this.#db,
        path: pathOf(village, name),
        method: 'PUT',
        body: { ...body, ...(rev === undefined ? {} : { _rev: rev }) },
      });
      return answer.body.rev;
    });
  }

  async delete(village: string, name: string, rev: string | undefined): Promise<void> {
    await this.#inTurn(village, name, async (present) => {
      if (!present) throw new AppError('not_found', 'missing');
      if (present.rev !== rev) throw new AppError('conflict', 'Document update conflict.');
      await this.#client.request({ db: this.#db, path: pathOf(village, name), method: 'DELETE', qs: { rev } });
    });
  }

  #inTurn<T>(village: string, name: string, work: (present: LocalDocument | undefined) => Promise<T>): Promise<T> {
    return this.#turns.run([localDocumentId(village, name)], async () => work(await this.get(village, name)));
  }
}

function pathOf(village: string, name: string): string {
  const id = localDocumentId(village, name);
  return `_local/${encodeURIComponent(id.slice('_local/'.length))}`;
}

/** A missing document is an answer; a missing database is not. */
export function undefinedUnlessGone(reason: string | undefined): undefined {
  if (reason === 'missing' || reason === 'deleted') return undefined;
  throw new AppError('unavailable', `CouchDB has no database for this (${reason ?? 'not found'})`, {
    retryAfterS: RETRY_AFTER_S,
  });
}
