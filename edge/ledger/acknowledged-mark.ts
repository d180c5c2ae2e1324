/**
 * The highest number acknowledged, kept apart from the documents, so that a tail cut off by a damaged disk is noticed
 * and counted, and no number is ever given twice.
 *
 * One small file of two blocks, written in turn: `<counter> <node> <seq> <crc32>`, padded. It never grows or moves, so
 * a write is one synced block; one torn by a power cut leaves the other block, and the number in it was not acknowledged
 * yet, because the mark is on the disk before the answer to the request is.
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

export class AcknowledgedMark {
  readonly #file: FileHandle;
  #counter: number;
  #value: Acknowledged | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, counter: number, value: Acknowledged | undefined) {
    this.#file = file;
    this.#counter = counter;
    this.#value = value;
  }

  /** Opens `acknowledged` in a folder, or makes it. Rejects with the system's own error. */
  static async open(folder: string): Promise<AcknowledgedMark> {
    const name = path.join(folder, 'acknowledged');
    const file = await openSynced(name);
    try {
      const content = Buffer.alloc(2 * BLOCK_BYTES);
      const { bytesRead } = await file.read(content, 0, content.length, 0);
      if (bytesRead < content.length) {
        // Both blocks are there before the first is needed: a full disk cannot refuse them later.
        await file.write(content.subarray(bytesRead), 0, content.length - bytesRead, bytesRead);
        await syncFolder(folder);
      }
      const blocks = [0, 1].flatMap((n) => decode(content.subarray(n * BLOCK_BYTES, (n + 1) * BLOCK_BYTES)) ?? []);
      const newest = blocks.sort((a, b) => b.counter - a.counter)[0];
      return new AcknowledgedMark(file, newest?.counter ?? 0, newest);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** `undefined` where nothing was ever acknowledged, or where the file is damaged. */
  get value(): Acknowledged | undefined {
    return this.#value;
  }

  /** On the disk when the promise resolves. */
  write(node: string, seq: number): Promise<void> {
    const write = async () => {
      const counter = this.#counter + 1;
      const block = encode(counter, { node, seq });
      await this.#file.write(block, 0, block.length, (counter % 2) * BLOCK_BYTES);
      this.#counter = counter;
      this.#value = { node, seq };
    };
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }
}

async function openSynced(name: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_DSYNC;
  try {
    return await open(name, flags);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return open(name, flags | constants.O_CREAT, 0o600);
  }
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
