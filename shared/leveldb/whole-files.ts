/**
 * Checks and reads the files of a closed LevelDB of any size, one file at a time.
 *
 * LevelDB looks at no checksum of a table, neither as it reads nor as it repairs, and ends the process when the damage
 * has made keys too short or put them out of order (`db/dbformat.h`, an assertion). So what is to be opened is checked
 * before.
 */
import { messageOf } from '../app-error.js';
import { belongs, contentOf, dataFilesIn, type Scratch } from './data-files.js';
import { type LevelWrite, writesOfBatch } from './entries.js';
import { readLogRecords } from './log-file.js';
import { LogOrder } from './log-order.js';
import { type LiveFiles, liveFiles } from './manifest.js';
import { isTableWhole, readTableWrites } from './table-file.js';

/**
 * What is damaged in the files a database consists of, as the beginning of a sentence; `undefined` when nothing is, or
 * where there is no database. A log that ends torn is whole where no other follows it: what was not synced was not
 * acknowledged. A table no MANIFEST names was never finished.
 */
export async function damageOfFiles(folder: string): Promise<string | undefined> {
  const files = await dataFilesIn(folder);
  let live: LiveFiles | undefined;
  try {
    live = await liveFiles(folder, files.length > 0);
  } catch (error) {
    return `what says which files belong to it is damaged (${messageOf(error)})`;
  }
  if (!live) return undefined;
  const present = new Set(files.map(({ number }) => number));
  for (const table of live.tables) if (!present.has(table)) return `the table ${table} is missing`;
  // Made before it is named, and deleted after another one is.
  if (live.firstLog > 0 && !present.has(live.firstLog)) return `the log ${live.firstLog} is missing`;
  const scratch: Scratch = { bytes: Buffer.alloc(0) };
  const order = new LogOrder();
  for (const file of files) {
    if (!belongs(file, live)) continue;
    const bytes = await contentOf(folder, file, scratch);
    const log = bytes && file.kind === 'log' ? readLogRecords(bytes) : undefined;
    const isWhole = bytes && (log ? !log.isDamaged : isTableWhole(bytes));
    if (!isWhole) return `the file ${file.name} is not what was written`;
    if (log && !order.take(log)) return `the log before ${file.name} has lost its end`;
  }
  return undefined;
}

/**
 * Every write in a whole block or record of the folder's tables and logs, file by file, whether or not the files still
 * belong to the database; the same key may come several times, the newest has the highest `sequence`.
 */
export async function* wholeWrites(folder: string): AsyncGenerator<LevelWrite[]> {
  for (const file of await dataFilesIn(folder)) {
    const bytes = await contentOf(folder, file);
    if (bytes) yield file.kind === 'table' ? readTableWrites(bytes).writes : logWrites(bytes);
  }
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
