/**
 * The counters PouchDB keeps of a database, as they lie in LevelDB: those it holds in memory do not know of what was
 * written past it.
 *
 * Every batch of documents brings them up to date, so they tell of exactly what was stored.
 */
import { type Database, UnreadableEntry } from '../../shared/pouchdb.js';
import { readEntries, readValues } from './raw-entries.js';

const META = 'meta-store';
const NAMES = ['_local_last_update_seq', '_local_doc_count'] as const;
const BODIES = 'by-sequence';

export interface DatabaseCounters {
  /** The highest sequence given to a body; 0 while there is none. */
  updateSeq: number;
  /** Documents that are not deleted. */
  documents: number;
}

/** Throws UnreadableEntry where a counter is not what was written. */
export async function readCounters(database: Database): Promise<DatabaseCounters> {
  const [updateSeq = 0, documents = 0] = (await readValues(database, META, NAMES)).map(counter);
  return { updateSeq, documents };
}

/**
 * The same, held against the bodies: a sequence that was forgotten would begin again and be written over. Throws
 * UnreadableEntry where the two disagree.
 */
export async function checkedCounters(database: Database): Promise<DatabaseCounters> {
  const counters = await readCounters(database);
  const [last] = await readEntries(database, { store: BODIES, to: '9', limit: 1, reverse: true });
  const highest = Number(last?.[0] ?? 0);
  if (highest <= counters.updateSeq) return counters;
  throw new UnreadableEntry(new Error(`it counts ${counters.updateSeq} documents and holds one at ${highest}`));
}

function counter(text: string | undefined): number {
  const value = text === undefined ? 0 : Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UnreadableEntry(new Error('a counter of the database is not what was written'));
}
