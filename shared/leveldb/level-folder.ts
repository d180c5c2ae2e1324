/**
 * The files of a closed LevelDB, checked and read without LevelDB.
 *
 * What is whole is found by checksums alone; nothing here depends on one file to read another, so that one that is
 * damaged costs what was in it and no more. For databases that fit into memory.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { codeOf, messageOf } from '../app-error.js';
import { type LevelWrite, newestEntries, writesOfBatch } from './entries.js';
import { readLogRecords } from './log-file.js';
import { type LiveFiles, liveFiles } from './manifest.js';
import { readTableWrites } from './table-file.js';

export interface LevelContents {
  entries: [key: Buffer, value: Buffer][];
  /** What is damaged, a sentence for people; `undefined` when all is whole. */
  damage: string | undefined;
}

/** Reads all that is whole in `folder`; nothing where there is no database. Throws what keeps files from being read. */
export async function readLevelFolder(folder: string): Promise<LevelContents> {
  const names = await namesIn(folder);
  const numbers = { table: numbersOf(names, /^(\d+)\.(?:ldb|sst)$/), log: numbersOf(names, /^(\d+)\.log$/) };
  const hasData = numbers.table.size + numbers.log.size > 0;
  const damages: string[] = [];
  const note = (name: string, what: string) => damages.push(`${name} ${what}`);
  const live = await liveFiles(folder, hasData).catch((error: unknown) => {
    note('what says which files belong to it', `is damaged (${messageOf(error)})`);
    return undefined;
  });
  const writes: LevelWrite[] = [];
  for (const number of live?.tables ?? []) if (!numbers.table.has(number)) note(`table ${number}`, 'is missing');
  // Made before it is named, and deleted after another one is.
  if (live && live.firstLog > 0 && !numbers.log.has(live.firstLog)) note(`log ${live.firstLog}`, 'is missing');
  for (const [kind, read] of [
    ['table', readTableWrites],
    ['log', readLogWrites],
  ] as const) {
    for (const [number, name] of numbers[kind]) {
      if (live && !belongs(live, kind, number)) continue;
      const found = await readFile(path.join(folder, name)).then(read, unreadable);
      // Not by spreading: a log has more writes than a call may have arguments.
      for (const write of found.writes) writes.push(write);
      if (found.isDamaged) note(name, 'is damaged');
    }
  }
  return { entries: newestEntries(writes), damage: damages.length === 0 ? undefined : damages.join(', ') };
}

function belongs({ tables, firstLog }: LiveFiles, kind: 'table' | 'log', number: number): boolean {
  return kind === 'table' ? tables.has(number) : number >= firstLog;
}

/** A file the disk cannot give back is damaged; one that may not be read, or not now, is not. */
function unreadable(error: unknown): { writes: LevelWrite[]; isDamaged: boolean } {
  if (codeOf(error) !== 'EIO' && codeOf(error) !== 'EISDIR') throw error;
  return { writes: [], isDamaged: true };
}

function readLogWrites(bytes: Buffer): { writes: LevelWrite[]; isDamaged: boolean } {
  const { records, isDamaged } = readLogRecords(bytes);
  try {
    return { writes: records.flatMap(writesOfBatch), isDamaged };
  } catch {
    return { writes: [], isDamaged: true };
  }
}

/** Names by number, ascending. */
function numbersOf(names: readonly string[], pattern: RegExp): Map<number, string> {
  const found = names.flatMap((name): [number, string][] => {
    const number = pattern.exec(name)?.[1];
    return number === undefined ? [] : [[Number(number), name]];
  });
  return new Map(found.sort(([a], [b]) => a - b));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
