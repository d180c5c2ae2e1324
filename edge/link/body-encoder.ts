/**
 * Turns values into request bodies: JSON made once, compressed off the main thread.
 *
 * Brotli is for a centre that said it takes it; everybody takes gzip.
 */
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { type Coding, chooseLevel, slownessAfter } from './compression-level.js';

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 400;
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

  /** The body for a text of JSON, compressed as hard as a link of so many bytes per second makes worth it. */
  async encode(json: string, bytesPerS: number): Promise<EncodedBody> {
    const plain = Buffer.from(json, 'utf8');
    if (plain.length < COMPRESS_FROM_BYTES) return new EncodedBody(plain, plain.length, undefined);
    const coding = this.brotliAccepted ? 'br' : 'gzip';
    const level = chooseLevel(coding, plain.length, bytesPerS, this.#slowness);
    const startedMs = performance.now();
    const bytes = await compressed(plain, coding, level);
    const encodeMs = performance.now() - startedMs;
    this.#slowness = slownessAfter(this.#slowness, coding, level, plain.length, encodeMs);
    return new EncodedBody(bytes, plain.length, coding);
  }
}

function compressed(plain: Buffer, coding: Coding, level: number): Promise<Buffer> {
  if (coding === 'gzip') return gzipAsync(plain, { level, memLevel: 9, chunkSize: CHUNK_BYTES });
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
  };
  return brotliAsync(plain, { params, chunkSize: CHUNK_BYTES });
}
