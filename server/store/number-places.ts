/**
 * Where the documents of each node lie in an embedded store: an index from (village, node, number) to the sequence
 * under which PouchDB keeps the body.
 *
 * A node's documents arrive in batches, so the index holds stretches: "among the sequences from..to are numbers of this
 * bucket", a bucket being 4,096 numbers of one node. Stretches of several nodes may overlap. The index only says where to
 * look: whoever reads must look at each body, and a stretch that claims too much does no harm.
 *
 * It lives in the same LevelDB as the documents, in a store of its own beside PouchDB's, so it is backed up, restored
 * and lost together with them. It follows the documents: each step takes what was stored since the last one, and writes
 * what it found together with how far it came, so that it may end, crash or fail anywhere and goes on from there. When
 * the body at which it ended is no longer what it was, the database is another one, and the index begins anew.
 */
import { AppError } from '../../shared/app-error.js';
import type { Database } from '../../shared/pouchdb.js';
import type { LevelOperation } from '../../shared/watched-level.js';
import { eachEntry, keyIn, type RawEntry, readEntries, readValues, writeEntries } from './raw-entries.js';
import { type StoredBody, storedBody } from './stored-body.js';

/** PouchDB's stores: bodies by sequence, and what it knows of each document by id. */
const BODIES = 'by-sequence';
const DOCUMENTS = 'document-store';
const STORE = 'number-places';
const BUCKET = 4096;
/** Documents taken in one step: a few milliseconds of work. */
const STEP = 1000;
/** A stretch goes on over so many sequences of others: reading past them is cheaper than a stretch of its own. */
const MAX_GAP = 8;

/** The sequences `from` to `to`, both included. */
export interface Stretch {
  from: number;
  to: number;
}

/** A part of a range of numbers, and where to look for it. */
export interface Places {
  /** The last number of the part. */
  to: number;
  stretches: Stretch[];
}

interface Progress {
  sequence: number;
  id: string;
  rev: string;
}

/** Name of a body, by its sequence. */
function bodyName(sequence: number): string {
  return String(sequence).padStart(16, '0');
}

export type OnBody = (sequence: number, text: string) => void;

/** Hands over the bodies in a stretch. */
export function eachBodyIn(database: Database, { from, to }: Stretch, each: OnBody): Promise<void> {
  const range = { store: BODIES, from: bodyName(from), to: bodyName(to), limit: to - from + 1 };
  return eachEntry(database, range, (name, text) => each(Number(name), text));
}

/** Hands over the bodies under these sequences, as far as there are any. */
export async function eachBodyUnder(database: Database, sequences: readonly number[], each: OnBody): Promise<void> {
  const texts = await readValues(database, BODIES, sequences.map(bodyName));
  for (const [n, sequence] of sequences.entries()) {
    const text = texts[n];
    if (text !== undefined) each(sequence, text);
  }
}

/** The index of one open database. Steps must take turns. */
export class NumberPlaces {
  readonly database: Database;
  /** Sequences whose bodies are no longer the documents', because these were deleted or changed behind our back. */
  readonly outdated: Set<number>;
  #taken: number;
  #covered = -1;

  private constructor(database: Database, taken: number, outdated: Set<number>) {
    this.database = database;
    this.#taken = taken;
    this.outdated = outdated;
  }

  /** Empties an index that is not of this database as it is now. */
  static async open(database: Database): Promise<NumberPlaces> {
    const progress = await progressOf(database);
    if (!progress) {
      await clear(database);
      return new NumberPlaces(database, 0, new Set());
    }
    const range = { store: STORE, from: outdatedName(0), to: outdatedName(Number.MAX_SAFE_INTEGER) };
    const outdated = await readEntries(database, { ...range, limit: Number.MAX_SAFE_INTEGER });
    const sequences = outdated.map(([name]) => Number(name.slice(OUTDATED.length)));
    return new NumberPlaces(database, progress.sequence, new Set(sequences));
  }

  /** Every document up to this sequence is in the index. */
  get covered(): number {
    return this.#covered;
  }

  /** Takes the next thousand documents at most. */
  async step(): Promise<void> {
    const { update_seq: newest } = await this.database.info();
    const after = bodyName(this.#taken);
    const entries = await readEntries(this.database, { store: BODIES, after, to: '9', limit: STEP });
    const last = entries.at(-1);
    if (last) await this.#take(entries, Number(last[0]));
    // Sequences can be missing at the end, after a repair: what is there has been taken all the same.
    this.#covered = entries.length < STEP ? Number(newest) : this.#taken;
  }

  async #take(entries: readonly RawEntry[], last: number): Promise<void> {
    const bodies = new Map<number, StoredBody>();
    const sequences = new Map<string, number[]>();
    for (const [name, text] of entries) {
      const body = storedBody(text);
      if (body) bodies.set(Number(name), body);
      const id = body?.id ?? identityOf(text).id;
      sequences.set(id, [...(sequences.get(id) ?? []), Number(name)]);
    }
    const verdicts = await this.#verdicts(sequences);
    const changed = [...verdicts].filter(([sequence, isOutdated]) => isOutdated !== this.outdated.has(sequence));
    await writeEntries(this.database, [
      ...stretchesOf(bodies).map(([name, to]) => put(name, to)),
      ...changed.map(([sequence, isOutdated]) =>
        isOutdated ? put(outdatedName(sequence), 0) : remove(outdatedName(sequence)),
      ),
      put(PROGRESS, { sequence: last, ...identityOf(entries.at(-1)?.[1]) }),
    ]);
    for (const [sequence, isOutdated] of changed) {
      if (isOutdated) this.outdated.add(sequence);
      else this.outdated.delete(sequence);
    }
    this.#taken = last;
  }

  /** Whether bodies are outdated: of the documents that have these, by what PouchDB knows of each document. */
  async #verdicts(sequences: ReadonlyMap<string, readonly number[]>): Promise<Map<number, boolean>> {
    const verdicts = new Map<number, boolean>();
    const ids = [...sequences.keys()];
    const records = await readValues(this.database, DOCUMENTS, ids);
    for (const [n, id] of ids.entries()) {
      const { current, others } = bodiesOf(records[n]);
      for (const sequence of [...(sequences.get(id) ?? []), ...others]) verdicts.set(sequence, sequence !== current);
      if (current !== undefined) verdicts.set(current, false);
    }
    return verdicts;
  }

  /**
   * Where to look for a node's numbers from..to; for a part of them, where that is much, and `undefined` at the end. The
   * parts are whole buckets, so no number is in two of them.
   */
  async find(village: string, node: string, from: number, to: number): Promise<Places> {
    const prefix = placePrefix(village, node);
    const first = bucketOf(from);
    const all = { store: STORE, from: prefix + bucketName(first), to: `${prefix}${bucketName(bucketOf(to))}:~` };
    const found = await readEntries(this.database, { ...all, limit: MAX_PLACES });
    if (found.length < MAX_PLACES) return { to, stretches: stretchesIn(found) };
    const bucketIn = ([name]: RawEntry) => Number(name.slice(prefix.length, prefix.length + BUCKET_DIGITS));
    const cut = bucketIn(found.at(-1) ?? ['', '']);
    if (cut > first)
      return { to: cut * BUCKET - 1, stretches: stretchesIn(found.filter((one) => bucketIn(one) < cut)) };
    // Only a node that gives numbers many times over has so many stretches in one bucket.
    const one = { ...all, to: `${prefix}${bucketName(first)}:~`, limit: Number.MAX_SAFE_INTEGER };
    const whole = await readEntries(this.database, one);
    return { to: Math.min(to, (first + 1) * BUCKET - 1), stretches: stretchesIn(whole) };
  }

  /** Forgets all that was taken; the next one to open the index makes it anew. */
  async discard(): Promise<void> {
    await clear(this.database);
  }
}

/** The index holds what it cannot have been given: it is to be discarded. */
export class DamagedIndex extends AppError {
  constructor() {
    super('unavailable', 'the index of numbers is damaged and has to be made anew', { retryAfterS: 10 });
  }
}

/** More stretches than a bucket of numbers that were given once each can have. */
const MAX_PLACES = 10_000;

interface DocumentRecord {
  rev_map: Record<string, number>;
  winningRev: string;
  deleted: boolean;
}

/** How PouchDB writes down a document of one body that is not deleted. */
const ONE_BODY = /"rev_map":\{"([^"]*)":(\d+)\},"winningRev":"\1","deleted":false,"seq":\2\}$/;

/** Sequences of a document's bodies: the one that counts, and the others. None for a record that cannot be read. */
function bodiesOf(record: string | undefined): { current?: number; others: number[] } {
  const [, , one] = ONE_BODY.exec(record ?? '') ?? [];
  if (one !== undefined) return { current: Number(one), others: [] };
  try {
    const { rev_map: sequences, winningRev, deleted } = JSON.parse(record ?? '{}') as Partial<DocumentRecord>;
    const { [winningRev ?? '']: winner, ...others } = sequences ?? {};
    const isCurrent = winner !== undefined && deleted === false;
    return isCurrent ? { current: winner, others: Object.values(others) } : { others: Object.values(sequences ?? {}) };
  } catch {
    return { others: [] };
  }
}

const PROGRESS = 'progress';
const OUTDATED = 'outdated:';
const BUCKET_DIGITS = 13;

function outdatedName(sequence: number): string {
  return OUTDATED + bodyName(sequence);
}

function placePrefix(village: string, node: string): string {
  return `place:${village}:${node}:`;
}

function bucketOf(seq: number): number {
  return Math.floor(seq / BUCKET);
}

function bucketName(bucket: number): string {
  return String(bucket).padStart(BUCKET_DIGITS, '0');
}

/** Throws DamagedIndex. */
function stretchesIn(entries: readonly RawEntry[]): Stretch[] {
  const stretches = entries.map(([name, value]) => ({ from: Number(name.slice(-16)), to: Number(value) }));
  if (!stretches.every(({ from, to }) => Number.isSafeInteger(from) && Number.isSafeInteger(to) && from <= to)) {
    throw new DamagedIndex();
  }
  return merged(stretches);
}

/** Name and end of each stretch of these bodies, which are in the order of their sequences. */
function stretchesOf(bodies: ReadonlyMap<number, StoredBody>): [name: string, to: number][] {
  const open = new Map<string, Stretch>();
  const all: [string, Stretch][] = [];
  for (const [sequence, { id, node, seq }] of bodies) {
    const bucket = `${placePrefix(id.slice(0, id.indexOf(':')), node)}${bucketName(bucketOf(seq))}`;
    const stretch = open.get(bucket);
    if (stretch && sequence - stretch.to <= MAX_GAP) {
      stretch.to = sequence;
      continue;
    }
    const begun = { from: sequence, to: sequence };
    open.set(bucket, begun);
    all.push([`${bucket}:${bodyName(sequence)}`, begun]);
  }
  return all.map(([name, { to }]) => [name, to]);
}

/** The same sequences in order, each once; stretches that are close together become one. */
function merged(stretches: Stretch[]): Stretch[] {
  const result: Stretch[] = [];
  for (const { from, to } of stretches.sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last && from - last.to <= MAX_GAP) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

function put(name: string, value: unknown): LevelOperation {
  return { type: 'put', key: keyIn(STORE, name), value: JSON.stringify(value) };
}

function remove(name: string): LevelOperation {
  return { type: 'del', key: keyIn(STORE, name) };
}

/** How far the index came, provided that it is the index of what is there now. */
async function progressOf(database: Database): Promise<Progress | undefined> {
  const [text] = await readValues(database, STORE, [PROGRESS]);
  const progress = parsedProgress(text);
  if (!progress) return undefined;
  const { update_seq: newest } = await database.info();
  const [found] = await readValues(database, BODIES, [bodyName(progress.sequence)]);
  const { id, rev } = identityOf(found);
  const isTheSame = found !== undefined && id === progress.id && rev === progress.rev;
  return isTheSame && Number(newest) >= progress.sequence ? progress : undefined;
}

function parsedProgress(text: string | undefined): Progress | undefined {
  try {
    const progress = JSON.parse(text ?? '{}') as Partial<Progress>;
    return Number.isSafeInteger(progress.sequence) ? (progress as Progress) : undefined;
  } catch {
    return undefined;
  }
}

/** What a body says it is, deletions included; empty for one that cannot be read. */
function identityOf(text: string | undefined): { id: string; rev: string } {
  const body = text === undefined ? undefined : storedBody(text);
  if (body) return { id: body.id, rev: body.rev };
  try {
    const { _id: id, _rev: rev } = JSON.parse(text ?? '{}') as Record<string, unknown>;
    return { id: String(id ?? ''), rev: String(rev ?? '') };
  } catch {
    return { id: '', rev: '' };
  }
}

async function clear(database: Database): Promise<void> {
  // First of all: an index that is half gone must not be taken for a whole one.
  await writeEntries(database, [remove(PROGRESS)]);
  for (;;) {
    const entries = await readEntries(database, { store: STORE, to: '~', limit: STEP });
    if (entries.length === 0) return;
    await writeEntries(
      database,
      entries.map(([name]) => remove(name)),
    );
  }
}
