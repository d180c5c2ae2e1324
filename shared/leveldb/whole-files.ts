/**
 * Checks and reads the files of a closed LevelDB of any size, one file at a time.
 *
 * LevelDB looks at no checksum of a table, neither as it reads nor as it repairs, and ends the process when the damage
 * has made keys too short or put them out of order (`db/dbformat.h`, an assertion). So what is to be opened is checked
 * before.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, messageOf } from '../app-error.js';
import { type LevelWrite, writesOfBatch } from './entries.js';
import { readLogRecords } from './log-file.js';
import { type LiveFiles, liveFiles } from './manifest.js';
import { isTableWhole, readTableWrites } from './table-file.js';

const TABLE = /^\d+\.(?:ldb|sst)$/;
const LOG = /^\d+\.log$/;

/**
 * What is damaged in the files a database consists of, as the beginning of a sentence; `undefined` when nothing is, or
 * where there is no database. A log that ends torn is whole: what was not synced was not acknowledged. A table no
 * MANIFEST names was never finished.
 */
export async function damageOfFiles(folder: string): Promise<string | undefined> {
  const names = await dataFiles(folder);
  let live: LiveFiles | undefined;
  try {
    live = await liveFiles(folder, names.length > 0);
  } catch (error) {
    return `what says which files belong to it is damaged (${messageOf(error)})`;
  }
  if (!live) return undefined;
  const present = new Set(names.map(numberOf));
  for (const table of live.tables) if (!present.has(table)) return `the table ${table} is missing`;
  for (const name of names) {
    const isTable = TABLE.test(name);
    if (isTable ? !live.tables.has(numberOf(name)) : numberOf(name) < live.firstLog) continue;
    const bytes = await contentOf(folder, name);
    const isWhole = bytes && (isTable ? isTableWhole(bytes) : !readLogRecords(bytes).isDamaged);
    if (!isWhole) return `the file ${name} is not what was written`;
  }
  return undefined;
}

/**
 * Every write in a whole block or record of the folder's tables and logs, file by file, whether or not the files still
 * belong to the database; the same key may come several times, the newest has the highest `sequence`.
 */
export async function* wholeWrites(folder: string): AsyncGenerator<LevelWrite[]> {
  for (const name of await dataFiles(folder)) {
    const bytes = await contentOf(folder, name);
    if (bytes) yield TABLE.test(name) ? readTableWrites(bytes).writes : logWrites(bytes);
  }
}

function numberOf(name: string): number {
  return Number.parseInt(name, 10);
}

function logWrites(bytes: Buffer): LevelWrite[] {
  return readLogRecords(bytes).records.flatMap((record) => {
    try {
      return writesOfBatch(record);
    } catch {
      return [];
    }
  });
}

async function dataFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => TABLE.test(name) || LOG.test(name)).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** `undefined` for a file that the disk cannot give back. */
async function contentOf(folder: string, name: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path.join(folder, name));
  } catch (error) {
    if (codeOf(error) === 'EIO' || codeOf(error) === 'EISDIR') return undefined;
    throw error;
  }
}
