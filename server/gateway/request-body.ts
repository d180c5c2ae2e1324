/**
 * Reads the JSON body of a replication request: plain, gzip or Brotli, bounded after decompression, so that a small bomb
 * cannot fill the memory. What it gives may be nested as deep as the sender liked: never walk it recursively, never stringify
 * it before it is checked.
 */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { AppError, codeOf } from '../../shared/app-error.js';

/** Bytes of a request's body, decompressed. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Decompressed at a time. */
const CHUNK_BYTES = 64 * 1024;

/** The parsed body. Throws `invalid_request`, `too_large` or `unsupported_media_type`. */
export async function readJsonBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new AppError('invalid_request', 'the body is not UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError('invalid_request', 'the body is not valid JSON');
  }
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const source = decoded(request);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    if (Number(request.headers['content-length']) > maxBytes) throw tooLarge(maxBytes);
    for await (const chunk of source.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (source !== request) {
      request.unpipe();
      source.destroy();
    }
    await discardRest(request, 2 * maxBytes);
    throw readingError(error);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Reads on to the end: a client still sending when the connection is cut never gets to see why. A body far too large is
 * cut all the same.
 */
async function discardRest(request: IncomingMessage, maxBytes: number): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > maxBytes) return;
    }
  } catch {
    // The client has gone: there is nobody to answer.
  }
}

function decoded(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return request;
  const inflate = inflater(encoding);
  if (!inflate) {
    const name = encoding.slice(0, 40);
    throw new AppError('unsupported_media_type', `the encoding ${name} is not supported; gzip and br are`);
  }
  request.once('error', (error) => inflate.destroy(error));
  request.once('aborted', () => inflate.destroy(new Error('aborted')));
  return request.pipe(inflate);
}

function inflater(encoding: string): zlib.Gunzip | zlib.BrotliDecompress | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return zlib.createGunzip({ chunkSize: CHUNK_BYTES });
  if (encoding === 'br') return zlib.createBrotliDecompress({ chunkSize: CHUNK_BYTES });
  return undefined;
}

function readingError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  // zlib names its own errors Z_…, those of the Brotli decoder ERR__ERROR_… and the like.
  const isCompression = /^(Z_|ERR_(BROTLI|_))/.test(codeOf(error) ?? '');
  const what = isCompression
    ? 'the body is not what its encoding says'
    : 'the request ended before its body was complete';
  return new AppError('invalid_request', what, { cause: error });
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('too_large', `the body is larger than ${maxBytes} bytes; send fewer documents at a time`);
}
