/**
 * Turns values into request bodies: JSON made once, compressed off the main thread.
 *
 * Brotli is for a centre that said it takes it; everybody takes gzip. Only such a centre also gets aligned numbers
 * (`aligned-json.ts`): its parser is known.
 */
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { alignedJson, isAlignable } from './aligned-json.js';
import { brotliWindow, type Coding, chooseLevel, slownessAfter } from './compression-level.js';

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 200;
const CHUNK_BYTES = 64 * 1024;
/** A power of two: statistics that hold for a whole batch are sent once. Saves one byte in a hundred. */
const BLOCK = 20;
const TRY_WINDOWS_UP_TO_BYTES = 200_000;
/** zlib's widest and narrowest two. Of 1,000 ids and revisions 2^9 makes 10.23 bytes each and 2^10 10.27, of 2,000 11.10 and 10.21. */
const WINDOW_BITS = [15, 10, 9];

/** A body ready to be sent, as often as needed; made by `Link.encode`. */
export class EncodedBody {
  readonly bytes: Buffer;
  /** What says how to read it: `Content-Type`, `Content-Length`, `Content-Encoding`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Length of the JSON. */
  readonly plainBytes: number;

  constructor(bytes: Buffer, plainBytes: number, coding: Coding | undefined) {
    this.bytes = bytes;
    this.plainBytes = plainBytes;
    this.headers = {
      'Content-Type': 'application/json',
      ...(coding === undefined ? {} : { 'Content-Encoding': coding }),
      'Content-Length': String(bytes.length),
    };
  }
}

export class BodyEncoder {
  /** Whether the centre takes Brotli. */
  brotliAccepted = false;
  #slowness = 1;

  /** The value as a body of JSON, compressed as hard as a link of so many bytes per second makes worth it. */
  async encode(value: unknown, bytesPerS: number): Promise<EncodedBody> {
    if (!this.brotliAccepted || !isAlignable(value)) {
      return this.#compress(Buffer.from(JSON.stringify(value), 'utf8'), bytesPerS);
    }
    const plain = await joined(alignedJson(value));
    return this.#compress(plain, bytesPerS, plain.length / value.docs.length);
  }

  /** `rowBytes`: how long one of its similar parts is, where it has such. */
  async #compress(plain: Buffer, bytesPerS: number, rowBytes?: number): Promise<EncodedBody> {
    if (plain.length < COMPRESS_FROM_BYTES) return new EncodedBody(plain, plain.length, undefined);
    const coding = this.brotliAccepted ? 'br' : 'gzip';
    const level = chooseLevel(coding, plain.length, bytesPerS, this.#slowness);
    const startedMs = performance.now();
    const bytes =
      coding === 'gzip'
        ? await gzipped(plain, level)
        : await brotlied(plain, level, brotliWindow(level, plain.length, rowBytes));
    const encodeMs = performance.now() - startedMs;
    this.#slowness = slownessAfter(this.#slowness, coding, level, plain.length, encodeMs);
    return new EncodedBody(bytes, plain.length, coding);
  }
}

/** Whatever else is to be done gets its turn between two pieces. */
async function joined(pieces: Iterable<string>): Promise<Buffer> {
  const buffers: Buffer[] = [];
  for (const piece of pieces) {
    buffers.push(Buffer.from(piece, 'utf8'));
    await setImmediate();
  }
  return Buffer.concat(buffers);
}

/** What is short is compressed with narrow windows, too: lists of ids, each like those before, come out smaller. */
async function gzipped(plain: Buffer, level: number): Promise<Buffer> {
  const windows = plain.length <= TRY_WINDOWS_UP_TO_BYTES ? WINDOW_BITS : WINDOW_BITS.slice(0, 1);
  // Digits match by chance: Z_FILTERED leaves such short matches alone.
  const settings = { level, strategy: constants.Z_FILTERED, chunkSize: CHUNK_BYTES };
  const results = await Promise.all(windows.map((windowBits) => gzipAsync(plain, { ...settings, windowBits })));
  return results.reduce((shortest, result) => (result.length < shortest.length ? result : shortest));
}

function brotlied(plain: Buffer, level: number, window: number): Promise<Buffer> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_LGWIN]: window,
    [constants.BROTLI_PARAM_LGBLOCK]: BLOCK,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  return brotliAsync(plain, { params, chunkSize: CHUNK_BYTES });
}
