/**
 * The files of a closed LevelDB, checked and read without LevelDB.
 *
 * What is whole is found by checksums alone; nothing here depends on one file to read another, so that one that is
 * damaged costs what was in it and no more. For databases that fit into memory.
 */
import { messageOf } from '../app-error.js';
import { belongs, contentOf, type DataFile, dataFilesIn } from './data-files.js';
import { type LevelWrite, newestEntries, writesOfBatch } from './entries.js';
import { readLogRecords } from './log-file.js';
import { LogOrder } from './log-order.js';
import { liveFiles } from './manifest.js';
import { readTableWrites } from './table-file.js';

export interface LevelContents {
  entries: [key: Buffer, value: Buffer][];
  /** What is damaged, a sentence for people; `undefined` when all is whole. */
  damage: string | undefined;
}

/** Reads all that is whole in `folder`; nothing where there is no database. Throws what keeps files from being read. */
export async function readLevelFolder(folder: string): Promise<LevelContents> {
  const files = await dataFilesIn(folder);
  const numbers = (kind: DataFile['kind']) =>
    new Set(files.filter((one) => one.kind === kind).map(({ number }) => number));
  const damages: string[] = [];
  const note = (name: string, what: string) => damages.push(`${name} ${what}`);
  const live = await liveFiles(folder, files.length > 0).catch((error: unknown) => {
    note('what says which files belong to it', `is damaged (${messageOf(error)})`);
    return undefined;
  });
  const writes: LevelWrite[] = [];
  const order = new LogOrder();
  const tables = numbers('table');
  for (const number of live?.tables ?? []) if (!tables.has(number)) note(`table ${number}`, 'is missing');
  // Made before it is named, and deleted after another one is.
  if (live && live.firstLog > 0 && !numbers('log').has(live.firstLog)) note(`log ${live.firstLog}`, 'is missing');
  for (const file of files) {
    if (live && !belongs(file, live)) continue;
    const bytes = await contentOf(folder, file);
    const found = bytes && (file.kind === 'table' ? readTableWrites(bytes) : readLogWrites(bytes, order));
    // Not by spreading: a log has more writes than a call may have arguments.
    for (const write of found?.writes ?? []) writes.push(write);
    if (!found || found.isDamaged) note(file.name, 'is damaged');
    else if (live && 'isNext' in found && !found.isNext) note(`the log before ${file.name}`, 'has lost its end');
  }
  return { entries: newestEntries(writes), damage: damages.length === 0 ? undefined : damages.join(', ') };
}

function readLogWrites(bytes: Buffer, order: LogOrder): { writes: LevelWrite[]; isDamaged: boolean; isNext: boolean } {
  const log = readLogRecords(bytes);
  const isNext = order.take(log);
  try {
    return { writes: log.records.flatMap(writesOfBatch), isDamaged: log.isDamaged, isNext };
  } catch {
    return { writes: [], isDamaged: true, isNext };
  }
}
