/**
 * Turns values into request bodies: JSON made once, compressed off the main thread.
 *
 * Brotli is for a centre that said it takes it; everybody takes gzip. Only such a centre also gets aligned numbers
 * (`aligned-json.ts`): its parser is known.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { alignedJson, isAlignable } from './aligned-json.js';
import { brotliWindow, type Coding, chooseLevel, slownessAfter } from './compression-level.js';

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 200;
const CHUNK_BYTES = 64 * 1024;

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
    if (!this.brotliAccepted || !isAlignable(value)) return this.encodeJson(JSON.stringify(value), bytesPerS);
    const json = alignedJson(value);
    return this.encodeJson(json, bytesPerS, json.length / value.docs.length);
  }

  /** The same for a text of JSON; `rowBytes`: how long one of its similar parts is, where it has such. */
  async encodeJson(json: string, bytesPerS: number, rowBytes?: number): Promise<EncodedBody> {
    const plain = Buffer.from(json, 'utf8');
    if (plain.length < COMPRESS_FROM_BYTES) return new EncodedBody(plain, plain.length, undefined);
    const coding = this.brotliAccepted ? 'br' : 'gzip';
    const level = chooseLevel(coding, plain.length, bytesPerS, this.#slowness);
    const startedMs = performance.now();
    const bytes =
      coding === 'gzip'
        ? await gzipped(plain, level)
        : await brotlied(plain, level, brotliWindow(plain.length, rowBytes));
    const encodeMs = performance.now() - startedMs;
    this.#slowness = slownessAfter(this.#slowness, coding, level, plain.length, encodeMs);
    return new EncodedBody(bytes, plain.length, coding);
  }
}

function gzipped(plain: Buffer, level: number): Promise<Buffer> {
  // Digits match by chance: Z_FILTERED leaves such short matches alone.
  return gzipAsync(plain, { level, strategy: constants.Z_FILTERED, chunkSize: CHUNK_BYTES });
}

function brotlied(plain: Buffer, level: number, window: number): Promise<Buffer> {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_LGWIN]: window,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  return brotliAsync(plain, { params, chunkSize: CHUNK_BYTES });
}
