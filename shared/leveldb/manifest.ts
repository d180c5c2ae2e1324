/** Which files a LevelDB consists of, from its MANIFEST (`db/version_edit.cc`). */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readFileIfPresent } from '../durable-file.js';
import { ByteReader, FormatError } from './byte-reader.js';
import { readLogRecords } from './log-file.js';

export interface LiveFiles {
  tables: Set<number>;
  /** Logs of this number and above are read at the next opening. */
  firstLog: number;
}

/**
 * What the database in a folder consists of; `undefined` before one was made. Throws where that cannot be told: without
 * it, files that are no longer part of it cannot be told apart. `hasData`: there are tables or logs.
 */
export async function liveFiles(folder: string, hasData: boolean): Promise<LiveFiles | undefined> {
  const current = (await readFileIfPresent(path.join(folder, 'CURRENT')))?.trim();
  if (current === undefined && !hasData) return undefined;
  if (current === undefined) throw new Error('CURRENT is missing');
  if (!/^MANIFEST-\d+$/.test(current)) throw new Error('CURRENT names no MANIFEST');
  return readManifest(await readFile(path.join(folder, current)));
}

/** Throws FormatError for a MANIFEST that is damaged. */
export function readManifest(bytes: Buffer): LiveFiles {
  const { records, isDamaged } = readLogRecords(bytes);
  if (isDamaged || records.length === 0) throw new FormatError('the MANIFEST is damaged');
  const live: LiveFiles = { tables: new Set(), firstLog: 0 };
  for (const record of records) applyEdit(new ByteReader(record), live);
  return live;
}

function applyEdit(reader: ByteReader, live: LiveFiles): void {
  while (!reader.atEnd) {
    switch (reader.varint()) {
      case 1: // comparator
        reader.text();
        break;
      case 2: // log number
        live.firstLog = reader.varint();
        break;
      case 3: // next file number
      case 4: // last sequence
      case 9: // previous log number
        reader.varint();
        break;
      case 5: // where a level is compacted next
        reader.varint();
        reader.text();
        break;
      case 6: // deleted table: level, number
        reader.varint();
        live.tables.delete(reader.varint());
        break;
      case 7: // new table: level, number, size, smallest and largest key
        reader.varint();
        live.tables.add(reader.varint());
        reader.varint();
        reader.text();
        reader.text();
        break;
      default:
        throw new FormatError('the MANIFEST says something unknown');
    }
  }
}
