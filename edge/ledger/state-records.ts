/**
 * The records of a store in `_local` documents, each with a sum over its content: LevelDB does not check what it reads
 * from its tables, and one wrong letter in a name or number must not be believed.
 */
import { createHash } from 'node:crypto';
import { type Database, readLocal, writeLocal } from '../../shared/pouchdb.js';

const SUM_DIGITS = 16;

interface Summed {
  sum?: string;
  [name: string]: unknown;
}

/** The record, `undefined` where there is none, or `damaged` when it is not what was written. */
export async function readRecord<T extends object>(
  database: Database,
  name: string,
): Promise<T | 'damaged' | undefined> {
  const found = await readLocal<Summed>(database, name);
  if (!found) return undefined;
  const { sum, ...body } = found;
  // Records of the first version have no sum.
  return sum === undefined || sum === sumOf(body) ? (body as T) : 'damaged';
}

/** Replaces the record; two writers of one name must take turns themselves. */
export async function writeRecord(database: Database, name: string, body: object): Promise<void> {
  await writeLocal(database, name, { ...body, sum: sumOf({ ...body }) });
}

function sumOf(body: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(body).filter((name) => !name.startsWith('_') && body[name] !== undefined);
  const content = names.sort().map((name) => [name, body[name]]);
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, SUM_DIGITS);
}
