/**
 * The highest number acknowledged, kept apart from the documents, so that a tail cut off by a damaged disk is noticed
 * and counted, and no number is ever given twice.
 *
 * One small file of two blocks, written in turn: `<counter> <node> <seq> <crc32>`, padded. It never grows or moves, so
 * a write is one synced block; one torn by a power cut leaves the other block, and the number in it was not acknowledged
 * yet, because the mark is on the disk before the answer to the request is.
 *
 * A copy in a file of its own is not synced and costs nothing. It proves nothing: after a power cut it may be behind. But
 * where a damaged disk took the mark together with the end of the store, it is all there is to count the loss by.
 */
import { constants, type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { codeOf } from '../../shared/app-error.js';
import { syncFolder } from '../../shared/durable-file.js';

/** Wide enough that no disk writes both at once. */
const BLOCK_BYTES = 4096;

export interface Acknowledged {
  node: string;
  seq: number;
}

interface Files {
  mark: FileHandle;
  copy: FileHandle;
}

interface Known {
  counter: number;
  value: Acknowledged | undefined;
  atLeast: Acknowledged | undefined;
}

export class AcknowledgedMark {
  readonly #files: Files;
  #known: Known;
  #writing: Promise<void> = Promise.resolve();

  private constructor(files: Files, known: Known) {
    this.#files = files;
    this.#known = known;
  }

  /** Opens `acknowledged` and its copy in a folder, or makes them. Rejects with the system's own error. */
  static async open(folder: string): Promise<AcknowledgedMark> {
    const files = await openBoth(folder);
    try {
      const content = Buffer.alloc(2 * BLOCK_BYTES);
      const { bytesRead } = await files.mark.read(content, 0, content.length, 0);
      if (bytesRead < content.length) {
        // Both blocks are there before the first is needed: a full disk cannot refuse them later.
        await files.mark.write(content.subarray(bytesRead), 0, content.length - bytesRead, bytesRead);
        await syncFolder(folder);
      }
      const copied = Buffer.alloc(BLOCK_BYTES);
      await files.copy.read(copied, 0, copied.length, 0);
      const copy = decode(copied);
      const blocks = [0, 1].flatMap((n) => decode(content.subarray(n * BLOCK_BYTES, (n + 1) * BLOCK_BYTES)) ?? []);
      const newest = newestOf([...blocks, ...(copy ? [copy] : [])]);
      const value = blocks.length > 0 ? newest : undefined;
      return new AcknowledgedMark(files, { counter: newest?.counter ?? 0, value, atLeast: newest });
    } catch (error) {
      await closeBoth(files);
      throw error;
    }
  }

  /** `undefined` where nothing was ever acknowledged, or where the file is damaged. */
  get value(): Acknowledged | undefined {
    return this.#known.value;
  }

  /** Where the file is damaged, what the copy says: more may have been acknowledged. */
  get atLeast(): Acknowledged | undefined {
    return this.#known.atLeast;
  }

  /** On the disk when the promise resolves. */
  write(node: string, seq: number): Promise<void> {
    const write = async () => {
      const counter = this.#known.counter + 1;
      const value = { node, seq };
      const block = encode(counter, value);
      await this.#files.mark.write(block, 0, block.length, (counter % 2) * BLOCK_BYTES);
      this.#known = { counter, value, atLeast: value };
      // Nothing depends on it: a disk that does not take it is met by the next write that matters.
      await this.#files.copy.write(block, 0, block.length, 0).catch(() => undefined);
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await closeBoth(this.#files);
  }
}

async function openBoth(folder: string): Promise<Files> {
  const name = path.join(folder, 'acknowledged');
  const mark = await openOrMake(name, constants.O_RDWR | constants.O_DSYNC);
  try {
    return { mark, copy: await openOrMake(`${name}.copy`, constants.O_RDWR) };
  } catch (error) {
    await mark.close();
    throw error;
  }
}

async function closeBoth({ mark, copy }: Files): Promise<void> {
  await mark.close();
  await copy.close();
}

async function openOrMake(name: string, flags: number): Promise<FileHandle> {
  try {
    return await open(name, flags);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return open(name, flags | constants.O_CREAT, 0o600);
  }
}

function newestOf<T extends { counter: number }>(blocks: readonly T[]): T | undefined {
  return [...blocks].sort((a, b) => b.counter - a.counter)[0];
}

function encode(counter: number, { node, seq }: Acknowledged): Buffer {
  const text = `${counter} ${node} ${seq}`;
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(`${text} ${crc32(text)}\n`, 'latin1');
  return block;
}

function decode(block: Buffer): (Acknowledged & { counter: number }) | undefined {
  const match = /^((\d+) ([a-z0-9]{4,12}) (\d+)) (\d+)\n\0*$/.exec(block.toString('latin1'));
  const [, text = '', counter, node = '', seq, sum] = match ?? [];
  return match && crc32(text) === Number(sum) ? { counter: Number(counter), node, seq: Number(seq) } : undefined;
}
