/**
 * Rebuilds a PouchDB database of any size from what is whole of its files, in bounded memory: files are taken one by one,
 * and what does not fit together is found by looking it up.
 *
 * Invariants: of each key the newest whole write counts, whichever file it is in (a scratch database sorts them); a
 * document stays exactly when its newest body and what PouchDB knows of it agree, or when that can be written anew from
 * its newest body; a sequence is never given a second time. Needs the room of two copies while it runs.
 *
 * Keys hold no NUL: neither telemetry nor records of villages have such names.
 */
import { open, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { bodyIn, DOCUMENT_COUNT, isSoundRecord, keyOf, LAST_SEQ, metadataOf, parsed } from './database-entries.js';
import { syncFolder } from './durable-file.js';
import type { LevelWrite } from './leveldb/entries.js';
import { wholeWrites } from './leveldb/whole-files.js';
import { type RawKey, type RawLevelEntry, RebuildLevel } from './rebuild-level.js';
import { sleep } from './time.js';

/** Entries looked up and written together; other work has its turn in between. */
const BATCH = 500;

export interface RebuildPlan {
  /** Whether `_local` documents stay; those that do not are forgotten without a word. */
  keepsLocal: boolean;
  /** Stores beside PouchDB's own that are made anew from the documents, and left out here. */
  leftOut: readonly string[];
  /**
   * What to do with a document whose newest body is lost while an older one is whole: go back to that, or forget the
   * document.
   */
  outdated: 'restore' | 'forget';
}

export interface RebuildResult {
  /** Documents kept that are not deleted. */
  documents: number;
  /** Documents that the database last counted; undefined when that is lost, too. May be out of date. */
  counted: number | undefined;
  /** Bodies kept, and the highest sequence given: the difference was lost now, or before. */
  bodies: number;
  highest: number;
  /** Documents known by name of which the newest body is lost. */
  outdated: number;
}

/** Writes a new database to `target`. Rejects with the signal's reason once it is aborted. */
export async function streamedRebuild(
  folder: string,
  target: string,
  plan: RebuildPlan,
  { leveldown, signal }: { leveldown?: unknown; signal?: AbortSignal | undefined } = {},
): Promise<RebuildResult> {
  const sorted = `${target}-scratch`;
  for (const one of [target, sorted]) await rm(one, { recursive: true, force: true });
  try {
    const scratch = await RebuildLevel.open(sorted, leveldown);
    try {
      for await (const writes of wholeWrites(folder)) {
        for (let from = 0; from < writes.length; from += BATCH) {
          signal?.throwIfAborted();
          await scratch.put(writes.slice(from, from + BATCH).flatMap(sortable));
          await sleep(0);
        }
      }
      const level = await RebuildLevel.open(target, leveldown);
      try {
        return await new Rebuild(level, plan, signal).run(scratch);
      } finally {
        await level.close();
        await syncFiles(target);
      }
    } finally {
      await scratch.close();
    }
  } finally {
    await rm(sorted, { recursive: true, force: true });
  }
}

/** Batches were not synced one by one. */
async function syncFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = await open(path.join(folder, name));
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await syncFolder(folder);
}

const TAIL_BYTES = 9;
const LARGEST = 2n ** 64n - 1n;

/** Under its key and, the newest first, its number; the first byte of the value tells a deletion. */
function sortable({ key, value, sequence }: LevelWrite): RawLevelEntry[] {
  if (key.includes(0)) return [];
  const tail = Buffer.alloc(TAIL_BYTES);
  tail.writeBigUInt64BE(LARGEST - BigInt(sequence), 1);
  const marked = value ? Buffer.concat([Buffer.of(1), value]) : Buffer.of(0);
  return [[Buffer.concat([key, tail]), marked]];
}

/** The newest value of each key, in the order of the keys. */
async function* newest(scratch: RebuildLevel): AsyncGenerator<RawLevelEntry[]> {
  let last: Buffer | undefined;
  for await (const batch of scratch.batches(BATCH)) {
    const found: RawLevelEntry[] = [];
    for (const [tailed, marked] of batch) {
      const key = tailed.subarray(0, -TAIL_BYTES);
      if (last?.equals(key)) continue;
      last = key;
      if (marked[0] === 1) found.push([key, marked.subarray(1)]);
    }
    yield found;
  }
}

interface KnownDocument {
  seq: number;
  deleted: boolean;
}

class Rebuild {
  readonly #level: RebuildLevel;
  readonly #plan: RebuildPlan;
  readonly #signal: AbortSignal | undefined;
  readonly #forgotten = new Set<string>();
  readonly #counters = new Map<string, unknown>();
  readonly #result: RebuildResult = { documents: 0, counted: undefined, bodies: 0, highest: 0, outdated: 0 };

  constructor(level: RebuildLevel, plan: RebuildPlan, signal: AbortSignal | undefined) {
    this.#level = level;
    this.#plan = plan;
    this.#signal = signal;
  }

  async run(scratch: RebuildLevel): Promise<RebuildResult> {
    for await (const entries of newest(scratch)) {
      this.#signal?.throwIfAborted();
      await this.#take(entries);
    }
    // Now that all documents are there whose records agree with their bodies.
    for await (const entries of this.#level.batches(BATCH, keyOf('by-sequence', ''), keyOf('by-sequence', '~'))) {
      this.#signal?.throwIfAborted();
      await this.#recover(entries);
    }
    const result = this.#result;
    const lastSeq = this.#counters.get(LAST_SEQ);
    const counted = this.#counters.get(DOCUMENT_COUNT);
    if (Number.isSafeInteger(lastSeq)) result.highest = Math.max(result.highest, Number(lastSeq));
    if (Number.isSafeInteger(counted)) result.counted = Number(counted);
    await this.#level.put([
      [keyOf('meta-store', LAST_SEQ), String(result.highest)],
      [keyOf('meta-store', DOCUMENT_COUNT), String(result.documents)],
    ]);
    return result;
  }

  /** Entries come in the order of their keys, in which bodies stand before documents. */
  async #take(entries: readonly RawLevelEntry[]): Promise<void> {
    const kept: [RawKey, Buffer | string][] = [];
    const records: { key: Buffer; id: string; value: unknown; text: Buffer }[] = [];
    for (const [key, text] of entries) {
      const [start, store = '', ...rest] = key.toString('utf8').split('\xff');
      const name = rest.join('\xff');
      if (start !== '' || this.#plan.leftOut.includes(store) || !Buffer.from(keyOf(store, name)).equals(key)) continue;
      const value = parsed(text.toString('utf8'));
      if (store === 'by-sequence' && bodyIn(name, value)) {
        this.#result.bodies++;
        this.#result.highest = Math.max(this.#result.highest, Number(name));
        kept.push([key, text]);
      } else if (store === 'document-store') records.push({ key, id: name, value, text });
      else if (store === 'local-store' && this.#plan.keepsLocal && isLocal(name, value)) kept.push([key, text]);
      else if (store === 'meta-store' && value !== undefined) {
        if (name === LAST_SEQ || name === DOCUMENT_COUNT) this.#counters.set(name, value);
        else kept.push([key, text]);
      }
    }
    // Before the records that name them.
    await this.#level.put(kept);
    await this.#takeRecords(records);
  }

  async #takeRecords(records: readonly { key: Buffer; id: string; value: unknown; text: Buffer }[]): Promise<void> {
    const places = records.map(({ value }) => placesIn(value));
    const names = places.flat().map((seq) => keyOf('by-sequence', sequenceName(seq)));
    const texts = (await this.#level.getMany(names)).values();
    const kept: [RawKey, Buffer | string][] = [];
    for (const [n, { key, id, value, text }] of records.entries()) {
      const [newestBody, winner] = (places[n] ?? []).map((seq) =>
        bodyIn(sequenceName(seq), parsed(texts.next().value ?? '')),
      );
      if (newestBody?.id === id && isSoundRecord(id, value, () => winner)) {
        if (!value.deleted) this.#result.documents++;
        kept.push([key, text]);
      } else if (newestBody?.id !== id) {
        this.#result.outdated++;
        if (this.#plan.outdated === 'forget') this.#forgotten.add(id);
      }
    }
    await this.#level.put(kept);
  }

  /** Bodies, in the order of their sequences, whose documents are not known or known from an older body. */
  async #recover(entries: readonly RawLevelEntry[]): Promise<void> {
    const bodies = entries.flatMap(([key, text]) => {
      const name = key.toString('utf8').slice(keyOf('by-sequence', '').length);
      const body = bodyIn(name, parsed(text.toString('utf8')));
      return body ? [{ key, seq: Number(name), body }] : [];
    });
    const records = await this.#level.getMany(bodies.map(({ body }) => keyOf('document-store', body.id)));
    const known = new Map<string, KnownDocument | undefined>();
    for (const [n, { body }] of bodies.entries()) known.set(body.id, knownIn(records[n]));
    const changes = new Map<string, string>();
    const gone: Buffer[] = [];
    for (const { key, seq, body } of bodies) {
      if (this.#forgotten.has(body.id)) {
        gone.push(key);
        this.#result.bodies--;
        continue;
      }
      const before = known.get(body.id);
      if (before && before.seq >= seq) continue;
      if (before && !before.deleted) this.#result.documents--;
      if (!body.deleted) this.#result.documents++;
      known.set(body.id, { seq, deleted: body.deleted });
      changes.set(keyOf('document-store', body.id), JSON.stringify(metadataOf(body, seq)));
    }
    await this.#level.put([...changes], gone);
  }
}

function sequenceName(seq: number): string {
  return String(seq).padStart(16, '0');
}

/** Where a record says its newest and its winning body are. */
function placesIn(value: unknown): number[] {
  const { seq, rev_map: places, winningRev } = (value ?? {}) as Record<string, unknown>;
  const winner = typeof winningRev === 'string' ? (places as Record<string, unknown> | undefined)?.[winningRev] : 0;
  return [Number(seq), Number(winner)];
}

function knownIn(record: string | undefined): KnownDocument | undefined {
  const { seq, deleted } = (parsed(record ?? '') ?? {}) as Partial<KnownDocument>;
  return typeof seq === 'number' ? { seq, deleted: deleted === true } : undefined;
}

function isLocal(name: string, value: unknown): boolean {
  const { _id: id, _rev: rev } = (value ?? {}) as Record<string, unknown>;
  return id === name && typeof rev === 'string';
}
