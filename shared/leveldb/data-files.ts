/** The tables and logs in a LevelDB's folder. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { codeOf } from '../app-error.js';
import type { LiveFiles } from './manifest.js';

export interface DataFile {
  name: string;
  kind: 'table' | 'log';
  number: number;
}

/** By number, ascending; none where there is no folder. */
export async function dataFilesIn(folder: string): Promise<DataFile[]> {
  const files = (await namesIn(folder)).flatMap((name): DataFile[] => {
    const [, number, ending] = /^(\d+)\.(ldb|sst|log)$/.exec(name) ?? [];
    return ending === undefined ? [] : [{ name, kind: ending === 'log' ? 'log' : 'table', number: Number(number) }];
  });
  return files.sort((a, b) => a.number - b.number);
}

/** False for what is left of an older state, or was never finished. */
export function belongs({ kind, number }: DataFile, { tables, firstLog }: LiveFiles): boolean {
  return kind === 'table' ? tables.has(number) : number >= firstLog;
}

/** `undefined` for a file that the disk cannot give back; one that may not be read, or not now, is thrown. */
export async function contentOf(folder: string, { name }: DataFile): Promise<Buffer | undefined> {
  try {
    return await readFile(path.join(folder, name));
  } catch (error) {
    if (codeOf(error) === 'EIO' || codeOf(error) === 'EISDIR') return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
