/** What must be in the store after a campaign, from what was sent and how it was answered; no more and no less. */
import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import type { Answer } from './fuzz-client.js';
import { improper } from './fuzzed-documents.js';
import type { FuzzedRequest } from './fuzzed-requests.js';

type Fields = Record<string, unknown>;

interface VillageModel {
  /** Digests of every content sent under an id that was taken. */
  sent: Map<string, Set<string>>;
  /** Ids that were taken by an answer that named them. */
  taken: Set<string>;
}

const REGISTRY = /^\/v1\/villages\/[^/]+\/registry\/(?:device|tariff|threshold|profile)\/[^/]+$/;

export class StoreModel {
  readonly #telemetry = new Map<string, VillageModel>();
  /** By village and path. */
  readonly locals = new Map<string, { village: string; path: string; fields: Fields }>();
  readonly villages = new Set<string>();

  /** Takes in what was stored; returns why it should not have been. */
  note(request: FuzzedRequest, answer: Answer): string | undefined {
    const { method, path, as } = request;
    if (answer.status !== 201) return undefined;
    if (method === 'POST' && path === '/telemetry/_bulk_docs') return this.#noteDocuments(request, answer);
    if (method === 'PUT' && path.startsWith('/telemetry/_local/')) return this.#noteLocal(request);
    if (method === 'POST' && as === 'admin' && path.startsWith('/v1/villages')) {
      this.villages.add(String((JSON.parse(answer.text) as Fields).id));
      return undefined;
    }
    const isOwnRegistry = as === 'village' && path === `/registry-${request.village}/_bulk_docs`;
    if (method === 'POST' && isOwnRegistry) return registryFault(answer);
    if (method === 'PUT' && as === 'admin' && REGISTRY.test(path)) return this.#noteRegistry(request, answer);
    return 'was taken, and nothing of this kind is';
  }

  #noteDocuments(request: FuzzedRequest, answer: Answer): string | undefined {
    const documents = (plainOf(request) as { docs?: unknown[] } | undefined)?.docs;
    if (!documents) return 'was taken and cannot be read';
    const entries = JSON.parse(answer.text) as Fields[];
    const isNamed = answer.headers['preference-applied'] !== undefined;
    if (isNamed && entries.length !== documents.length) return 'has not an entry for each document';
    const model = this.#of(request.village);
    for (const [index, raw] of documents.entries()) {
      const entry = isNamed ? entries[index] : undefined;
      if (isNamed && entry?.ok !== true) continue;
      if (typeof raw !== 'object' || raw === null) {
        if (isNamed) return 'says that something that is no document was taken';
        continue;
      }
      const document = withRevision(raw as Fields);
      const id = typeof document._id === 'string' ? document._id : '';
      if (isNamed && entry?.id !== id) return `names another document than ${JSON.stringify(id)}`;
      const digests = model.sent.get(id) ?? new Set();
      model.sent.set(id, digests.add(digest(document)));
      if (isNamed) model.taken.add(id);
    }
    return undefined;
  }

  #noteLocal(request: FuzzedRequest): string | undefined {
    const body = plainOf(request);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'was taken and is no object';
    const { _id, _rev, ...fields } = body as Fields;
    const path = request.path.replace(/\?.*$/, '');
    this.locals.set(`${request.village} ${path}`, { village: request.village, path, fields });
    return undefined;
  }

  #noteRegistry(request: FuzzedRequest, answer: Answer): string | undefined {
    const body = plainOf(request);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'was taken and is no object';
    const view = JSON.parse(answer.text) as Fields;
    const owned = ['_id', '_rev', 'type', 'id', 'author', 'editedAt', 'schemaVersion', 'conflicts', 'edits'];
    const given = Object.entries(body).filter(([name]) => !owned.includes(name));
    const other = given.find(([name, value]) => JSON.stringify(view[name]) !== JSON.stringify(value));
    return other && `was taken with another ${JSON.stringify(other[0])}`;
  }

  /** Why the documents of a village are not those that were taken. */
  compare(village: string, stored: readonly Fields[]): string | undefined {
    const { sent, taken } = this.#of(village);
    const ids = new Set<string>();
    for (const document of stored) {
      const id = String(document._id);
      const reason = improper(document, village);
      if (reason !== undefined) return `${id} is stored and should not be: ${reason}`;
      if (!sent.get(id)?.has(digest(document))) return `${id} is stored with a content that was not taken`;
      ids.add(id);
    }
    if (ids.size !== stored.length) return 'a document is listed twice';
    const missing = [...taken].find((id) => !ids.has(id));
    return missing === undefined ? undefined : `${missing} was taken and is not stored`;
  }

  #of(village: string): VillageModel {
    const known = this.#telemetry.get(village) ?? { sent: new Map(), taken: new Set() };
    this.#telemetry.set(village, known);
    return known;
  }
}

/** With the revision that its history names. What has been sent may be anything, also where the answer names nothing. */
function withRevision({ _revisions, ...document }: Fields): Fields {
  if (document._rev !== undefined || typeof _revisions !== 'object' || _revisions === null) return document;
  const { start, ids } = _revisions as { start?: unknown; ids?: unknown };
  return Array.isArray(ids) ? { ...document, _rev: `${start}-${ids[0]}` } : document;
}

function digest(document: Fields): string {
  const sorted = Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha1').update(JSON.stringify(sorted)).digest('base64');
}

/** What was sent, where it can be read: a bit that flipped in a compressed body need not have changed it. */
function plainOf({ plain, body, headers }: FuzzedRequest): unknown {
  try {
    if (plain !== undefined) return JSON.parse(plain);
    const coding = (headers['Content-Encoding'] ?? '').trim().toLowerCase();
    const bytes = body ?? Buffer.alloc(0);
    const text =
      coding === 'gzip' ? zlib.gunzipSync(bytes) : coding === 'br' ? zlib.brotliDecompressSync(bytes) : bytes;
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Whatever else it says, what a registry takes has a name of its form. */
function registryFault({ text }: Answer): string | undefined {
  const taken = (JSON.parse(text) as Fields[]).filter(({ ok }) => ok === true);
  const odd = taken.find(({ id }) => !/^[a-z][a-z0-9-]*:[!-~]+$/.test(String(id)));
  return odd && `has taken ${JSON.stringify(odd)} into a registry`;
}
