/** The tables and logs in a LevelDB's folder. */
import { open, readdir, readFile } from 'node:fs/promises';
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

/** What files are read into one after the other: a buffer each would wait for the garbage collector by the dozen. */
export interface Scratch {
  bytes: Buffer;
}

/**
 * `undefined` for a file that the disk cannot give back; one that may not be read, or not now, is thrown. With a `scratch`
 * the content is good until that is used again.
 */
export async function contentOf(folder: string, { name }: DataFile, scratch?: Scratch): Promise<Buffer | undefined> {
  try {
    const file = path.join(folder, name);
    return await (scratch ? readInto(scratch, file) : readFile(file));
  } catch (error) {
    if (codeOf(error) === 'EIO' || codeOf(error) === 'EISDIR') return undefined;
    throw error;
  }
}

async function readInto(scratch: Scratch, file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (scratch.bytes.length < size) scratch.bytes = Buffer.allocUnsafeSlow(size);
    let length = 0;
    for (let read = 1; read > 0 && length < size; length += read) {
      ({ bytesRead: read } = await handle.read(scratch.bytes, length, size - length, length));
    }
    return scratch.bytes.subarray(0, length);
  } finally {
    await handle.close();
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
