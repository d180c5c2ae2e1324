/**
 * How far the index of numbers (`number-places.ts`) has come, and whether it is the index of what is there now: of another
 * database, or of this one in another state, it is not.
 */
import type { Database } from '../../shared/pouchdb.js';
import type { LevelOperation } from '../../shared/watched-level.js';
import { readCounters } from './database-counters.js';
import { bodyName } from './number-stretches.js';
import { keyIn, readEntries, readValues, writeEntries } from './raw-entries.js';
import { storedBody } from './stored-body.js';

/** The index, beside PouchDB's own stores. */
export const INDEX_STORE = 'number-places';

const BODIES = 'by-sequence';
const PROGRESS = 'progress';
/** An index that was laid out otherwise is made anew: the first one knew nothing of days. */
const LAYOUT = 2;
const CLEARED_AT_ONCE = 1000;

export interface Progress {
  sequence: number;
  /** Of the body at that sequence. */
  id: string;
  rev: string;
}

export function putEntry(name: string, value: unknown): LevelOperation {
  return { type: 'put', key: keyIn(INDEX_STORE, name), value: JSON.stringify(value) };
}

export function removeEntry(name: string): LevelOperation {
  return { type: 'del', key: keyIn(INDEX_STORE, name) };
}

export function putProgress(progress: Progress): LevelOperation {
  return putEntry(PROGRESS, { ...progress, layout: LAYOUT });
}

/** How far the index came, provided that it is the index of what is there now. */
export async function progressOf(database: Database): Promise<Progress | undefined> {
  const [text] = await readValues(database, INDEX_STORE, [PROGRESS]);
  const progress = parsedProgress(text);
  if (!progress) return undefined;
  const { updateSeq: newest } = await readCounters(database);
  const [found] = await readValues(database, BODIES, [bodyName(progress.sequence)]);
  const { id, rev } = identityOf(found);
  const isTheSame = found !== undefined && id === progress.id && rev === progress.rev;
  return isTheSame && newest >= progress.sequence ? progress : undefined;
}

function parsedProgress(text: string | undefined): Progress | undefined {
  try {
    const progress = JSON.parse(text ?? '{}') as Partial<Progress & { layout: number }>;
    const isOurs = Number.isSafeInteger(progress.sequence) && progress.layout === LAYOUT;
    return isOurs ? (progress as Progress) : undefined;
  } catch {
    return undefined;
  }
}

/** What a body says it is, deletions included; empty for one that cannot be read. */
export function identityOf(text: string | undefined): { id: string; rev: string } {
  const body = text === undefined ? undefined : storedBody(text);
  if (body) return { id: body.id, rev: body.rev };
  try {
    const { _id: id, _rev: rev } = JSON.parse(text ?? '{}') as Record<string, unknown>;
    return { id: String(id ?? ''), rev: String(rev ?? '') };
  } catch {
    return { id: '', rev: '' };
  }
}

export async function clearIndex(database: Database): Promise<void> {
  // First of all: an index that is half gone must not be taken for a whole one.
  await writeEntries(database, [removeEntry(PROGRESS)]);
  for (;;) {
    const entries = await readEntries(database, { store: INDEX_STORE, to: '~', limit: CLEARED_AT_ONCE });
    if (entries.length === 0) return;
    await writeEntries(
      database,
      entries.map(([name]) => removeEntry(name)),
    );
  }
}
