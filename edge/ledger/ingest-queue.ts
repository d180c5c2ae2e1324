/**
 * Group commit: concurrent requests share one synced batch.
 *
 * Invariants: one group is looked up, numbered and written at a time; a request is answered only after all its
 * documents are on the disk; a request that is refused leaves nothing behind; the queue is bounded and says `busy`
 * instead of growing.
 */
import { setImmediate } from 'node:timers/promises';
import { AppError } from '../../shared/app-error.js';
import { eventId, type PostedDocument, seriesPrefix, type TelemetryType, telemetryId } from '../../shared/documents.js';
import { contentRevision } from '../../shared/revision.js';
import { formatInstant } from '../../shared/time.js';
import type { Stamp, UnnumberedDocument } from './document-encoding.js';
import type { Ledger } from './ledger.js';

/** What became of one request. */
export interface IngestResult {
  accepted: number;
  duplicates: number;
  /** The highest number of the node after the request. */
  lastSeq: number;
  /** With `partial`: what was not taken; `index` is the place in the documents given. */
  refused: RefusedDocument[];
}

export interface RefusedDocument {
  index: number;
  code: 'conflict' | 'invalid_request' | 'too_large';
  message: string;
}

export interface IngestQueueOptions {
  ledger: Ledger;
  village: string;
  boot: number;
  clock: { now(): number; readonly sure: boolean };
  /** Rejects with `storage_full` when new data must not be taken. */
  assertSpace(): Promise<void>;
  /** Sees what has just been written, readings and events alike, before it is acknowledged; must not throw. */
  onStored?: (documents: readonly UnnumberedDocument[], stamp: Stamp) => void;
}

/** A document on its way in; events bring their id, the others get it from their fields. */
type Draft = PostedDocument | { type: 'event'; id: string; fields: Record<string, unknown> };

interface Entry {
  drafts: readonly Draft[];
  partial: boolean;
  resolve(result: IngestResult): void;
  reject(error: unknown): void;
}

/** What one entry of a group comes to, before anything is written. */
interface Outcome {
  entry: Entry;
  accepted: number;
  duplicates: number;
  refused: RefusedDocument[];
  /** Why nothing of the entry is taken. */
  error?: AppError;
}

/** PouchDB gets slower, not faster, above about a thousand documents a call. */
const GROUP_DOCUMENTS = 1000;
const QUEUE_MAX_DOCUMENTS = 50_000;
const GATHER_AT_MOST_MS = 20;

export class IngestQueue {
  readonly #options: IngestQueueOptions;
  readonly #queue: Entry[] = [];
  #queuedDocuments = 0;
  #worker: Promise<void> | undefined;
  #closed = false;
  /** The time given last to each series without a time of its own. */
  readonly #lastGivenMs = new Map<string, number>();
  #eventCount = 0;
  #acknowledged = 0;
  #storingSinceMs: number | undefined;

  constructor(options: IngestQueueOptions) {
    this.#options = options;
  }

  /**
   * Stores documents of one request, all or nothing unless `partial`. Resolves when they are on the disk; rejects with
   * `conflict` (an id is stored with other content), `busy`, `storage_full` or `storage_failed`.
   */
  async submit(documents: readonly PostedDocument[], partial: boolean): Promise<IngestResult> {
    await this.#options.assertSpace();
    return this.#enqueue(documents, partial);
  }

  /**
   * Stores an event of the node's own, such as a boot; events take numbers like any other document, and the room that is
   * kept for bookkeeping.
   */
  async submitEvent(event: string, fields: Record<string, unknown> = {}): Promise<void> {
    const { village, boot, ledger, clock } = this.#options;
    const id = eventId(village, ledger.node, boot, ++this.#eventCount);
    const draft: Draft = { type: 'event', id, fields: { event, at: formatInstant(clock.now()), ...fields } };
    await this.#enqueue([draft], false);
  }

  #enqueue(drafts: readonly Draft[], partial: boolean): Promise<IngestResult> {
    if (this.#closed) return Promise.reject(new AppError('busy', 'the node is stopping', { retryAfterS: 5 }));
    if (this.#queuedDocuments > 0 && this.#queuedDocuments + drafts.length > QUEUE_MAX_DOCUMENTS) {
      return Promise.reject(
        new AppError('busy', 'the node has more to store than it can take at once', { retryAfterS: 1 }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ drafts, partial, resolve, reject });
      this.#queuedDocuments += drafts.length;
      this.#worker ??= this.#work();
    });
  }

  /** Readings and predictions that were new, and are stored, since the start. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Documents taken in and not yet begun to be stored. */
  get waiting(): number {
    return this.#queuedDocuments;
  }

  /** Since when the group that is being stored has been, as `performance.now` tells; undefined while there is none. */
  get storingSinceMs(): number | undefined {
    return this.#storingSinceMs;
  }

  /** Takes nothing more and waits until everything taken is stored. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker;
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gather();
      const group = this.#takeGroup();
      this.#storingSinceMs = performance.now();
      try {
        await this.#commit(group);
      } catch (error) {
        for (const entry of group) entry.reject(error);
      } finally {
        this.#storingSinceMs = undefined;
      }
    }
    // In the same turn as the last look at the queue: an entry that comes later starts a worker of its own.
    this.#worker = undefined;
  }

  /**
   * Waits for as long as requests keep coming in, turn by turn of the event loop: when five hundred meters post at once
   * they share a few synced writes, and one that posts alone waits for nobody.
   */
  async #gather(): Promise<void> {
    const endMs = performance.now() + GATHER_AT_MOST_MS;
    for (let seen = 0; this.#queue.length > seen && this.#queuedDocuments < GROUP_DOCUMENTS; ) {
      seen = this.#queue.length;
      if (performance.now() >= endMs) return;
      await setImmediate();
    }
  }

  #takeGroup(): Entry[] {
    const group: Entry[] = [];
    let documents = 0;
    for (let entry = this.#queue[0]; entry; entry = this.#queue[0]) {
      if (group.length > 0 && documents + entry.drafts.length > GROUP_DOCUMENTS) break;
      group.push(entry);
      documents += entry.drafts.length;
      this.#queue.shift();
    }
    this.#queuedDocuments -= documents;
    return group;
  }

  /** Looks the group up, decides entry by entry, writes what is new in synced batches, and answers. */
  async #commit(group: readonly Entry[]): Promise<void> {
    const { ledger, boot, clock } = this.#options;
    const nowMs = clock.now();
    const prepared = group.map((entry) => ({
      entry,
      documents: entry.drafts.map((draft) => this.#prepare(draft, nowMs)),
    }));
    const ids = new Set(prepared.flatMap(({ documents }) => documents.map(({ _id }) => _id)));
    const known = await ledger.revisions([...ids]);
    const fresh: UnnumberedDocument[] = [];
    const outcomes: Outcome[] = [];
    for (const { entry, documents } of prepared) outcomes.push(await this.#decide(entry, documents, known, fresh));
    fresh.sort((a, b) => (a._id < b._id ? -1 : 1));
    const stamp: Stamp = { boot, ...(clock.sure ? {} : { clock: 'unsure' as const }) };
    for (let from = 0; from < fresh.length; from += GROUP_DOCUMENTS) {
      const documents = fresh.slice(from, from + GROUP_DOCUMENTS);
      await ledger.append(documents, stamp);
      this.#options.onStored?.(documents, stamp);
    }
    // Only now: a document can conflict with, or repeat, one of the same group, which until here was stored nowhere.
    for (const { entry, accepted, duplicates, refused, error } of outcomes) {
      if (error) {
        entry.reject(error);
        continue;
      }
      if (entry.drafts[0]?.type !== 'event') this.#acknowledged += accepted;
      entry.resolve({ accepted, duplicates, lastSeq: ledger.lastSeq, refused });
    }
  }

  /**
   * Sorts one entry's documents into new, duplicate and conflicting. New ones are added to `fresh` and `known`, unless
   * the entry must be refused as a whole.
   */
  async #decide(
    entry: Entry,
    documents: readonly UnnumberedDocument[],
    known: Map<string, string>,
    fresh: UnnumberedDocument[],
  ): Promise<Outcome> {
    const added = new Map<string, UnnumberedDocument>();
    const refused: RefusedDocument[] = [];
    let duplicates = 0;
    for (const [index, given] of documents.entries()) {
      const draft = entry.drafts[index];
      const timed = draft?.type === 'event' || draft?.fields.at !== undefined;
      const document = timed ? given : await this.#moveToFreeTime(given, known, added);
      const revision = known.get(document._id) ?? added.get(document._id)?._rev;
      if (revision === undefined) added.set(document._id, document);
      else if (revision === document._rev) duplicates++;
      else refused.push({ index, code: 'conflict', message: conflictOf(document._id, known.has(document._id)) });
    }
    const first = refused[0];
    if (first && !entry.partial) {
      const details = refused.map(({ index, message }) => ({ index, path: 'at', message }));
      return {
        entry,
        accepted: 0,
        duplicates: 0,
        refused: [],
        error: new AppError('conflict', first.message, { details }),
      };
    }
    for (const document of added.values()) {
      fresh.push(document);
      known.set(document._id, document._rev);
    }
    return { entry, accepted: added.size, duplicates, refused };
  }

  #prepare(draft: Draft, nowMs: number): UnnumberedDocument {
    const { village } = this.#options;
    if (draft.type === 'event') return completed(draft.id, 'event', draft.fields);
    const { type } = draft;
    const timed = draft.fields.at !== undefined;
    const fields = timed
      ? draft.fields
      : { ...draft.fields, at: this.#nowFor(seriesPrefix(village, type, draft.fields), nowMs) };
    return completed(telemetryId(village, type, fields), type, fields);
  }

  #nowFor(series: string, nowMs: number): string {
    return formatInstant(this.#nextTimeMs(series, nowMs));
  }

  /** Now, or the millisecond after the one given last when a burst came within this one. */
  #nextTimeMs(series: string, nowMs: number): number {
    const lastMs = this.#lastGivenMs.get(series);
    // A clock set back by more than a burst can explain is followed, or readings would stay in the future for ever.
    const inBurst = lastMs !== undefined && lastMs >= nowMs && lastMs - nowMs < QUEUE_MAX_DOCUMENTS;
    const timeMs = inBurst ? lastMs + 1 : nowMs;
    this.#lastGivenMs.set(series, timeMs);
    return timeMs;
  }

  /** A document without a time of its own never collides: it takes the next millisecond that is free. */
  async #moveToFreeTime(
    given: UnnumberedDocument,
    known: ReadonlyMap<string, string>,
    added: ReadonlyMap<string, UnnumberedDocument>,
  ): Promise<UnnumberedDocument> {
    const { village, ledger } = this.#options;
    const type = given.type as PostedDocument['type'];
    const fields = given.fields as PostedDocument['fields'];
    let document = given;
    let taken = known.has(given._id) || added.has(given._id);
    for (let timeMs = Date.parse(fields.at ?? '') + 1; taken; timeMs++) {
      const moved = { ...fields, at: formatInstant(timeMs) };
      document = completed(telemetryId(village, type, moved), type, moved);
      taken = known.has(document._id) || added.has(document._id) || (await ledger.revisions([document._id])).size > 0;
      this.#lastGivenMs.set(seriesPrefix(village, type, moved), timeMs);
    }
    return document;
  }
}

function conflictOf(id: string, isStored: boolean): string {
  return isStored
    ? `${id} is already stored with other content`
    : `${id} stands twice in this request with different content`;
}

function completed(_id: string, type: TelemetryType, fields: Record<string, unknown>): UnnumberedDocument {
  return { _id, _rev: contentRevision(_id, fields), type, fields };
}
