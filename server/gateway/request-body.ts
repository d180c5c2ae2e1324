/**
 * A body of a replication request on its way in: received as it was sent, then decompressed and parsed. Both are bounded,
 * so that neither a flood nor a small bomb fills the memory. What comes out may be nested as deep as the sender liked:
 * never walk it recursively, never stringify it before it is checked.
 */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { AppError, codeOf } from '../../shared/app-error.js';

export interface ReceiveOptions {
  maxBytes: number;
  /** Milliseconds it may pause. */
  pauseMs: number;
  /** Told how many bytes there are so far, before they are kept; what it throws ends the receiving. */
  onBytes?: (bytes: number) => void;
}

export interface ReceivedBody {
  bytes: Buffer;
  encoding: BodyEncoding;
}

type BodyEncoding = 'identity' | 'gzip' | 'br';

const ENCODINGS: Readonly<Record<string, BodyEncoding>> = {
  ...{ '': 'identity', identity: 'identity' },
  ...{ gzip: 'gzip', 'x-gzip': 'gzip', br: 'br' },
};

/** Larger than zlib's own: fewer pieces to put together. */
const CHUNK_BYTES = 128 * 1024;

const gunzip = promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const unbrotli = promisify<zlib.InputType, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);

/** Throws `unsupported_media_type` for an encoding that is not supported. */
export function encodingOf(request: IncomingMessage): BodyEncoding {
  const named = (request.headers['content-encoding'] ?? '').trim().toLowerCase();
  const encoding = Object.hasOwn(ENCODINGS, named) ? ENCODINGS[named] : undefined;
  if (encoding) return encoding;
  throw new AppError('unsupported_media_type', `the encoding ${named.slice(0, 40)} is not supported; gzip and br are`);
}

const PAUSE_MS = 30_000;

/** A small body, received and parsed. Throws what the functions below throw. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  return parseJson(await decodeBody(await receiveBody(request, { maxBytes, pauseMs: PAUSE_MS }), maxBytes));
}

/** The bytes as they were sent. Throws `invalid_request`, `too_large`, `timeout`, and what `onBytes` throws. */
export async function receiveBody(request: IncomingMessage, options: ReceiveOptions): Promise<ReceivedBody> {
  const encoding = encodingOf(request);
  assertAnnounced(request, options.maxBytes);
  return { encoding, bytes: await collect(request, options) };
}

/** Throws `too_large` for a body that says itself that it is. */
export function assertAnnounced(request: IncomingMessage, maxBytes: number): void {
  if (Number(request.headers['content-length']) > maxBytes) throw tooLarge(maxBytes);
}

function collect(request: IncomingMessage, { maxBytes, pauseMs, onBytes }: ReceiveOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const settle = () => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone).pause();
    };
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      timer.refresh();
      size += chunk.length;
      try {
        if (size > maxBytes) throw tooLarge(maxBytes);
        onBytes?.(size);
        chunks.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = () => {
      settle();
      resolve(Buffer.concat(chunks, size));
    };
    const onGone = () => fail(new AppError('invalid_request', 'the request ended before its body was complete'));
    const timer = setTimeout(() => {
      fail(new AppError('timeout', `nothing came of the body for ${pauseMs / 1000} s`));
    }, pauseMs);
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
    // Gone before anybody listened.
    if (request.destroyed) onGone();
  });
}

/** What is read of a body that was refused already. */
const DISCARD = { maxBytes: 32 * 1024 * 1024, pauseMs: 1_000, totalMs: 5_000 };

/**
 * Reads on after the answer: a client still sending when the connection is cut might never get to see why. A body far too
 * large or too slow is cut all the same. Resolves when the connection may be ended.
 */
export function discardRest(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let size = 0;
    const onData = (chunk: Buffer) => {
      pause.refresh();
      size += chunk.length;
      if (size > DISCARD.maxBytes) settle();
    };
    const settle = () => {
      clearTimeout(pause);
      clearTimeout(total);
      request.off('data', onData).off('end', settle).off('error', settle).off('close', settle).pause();
      resolve();
    };
    const pause = setTimeout(settle, DISCARD.pauseMs);
    const total = setTimeout(settle, DISCARD.totalMs);
    request.on('data', onData).on('end', settle).on('error', settle).on('close', settle).resume();
    // Gone or over before anybody listened.
    if (request.destroyed || request.readableEnded) settle();
  });
}

/** The body decompressed. Throws `invalid_request` and `too_large`. */
export async function decodeBody({ bytes, encoding }: ReceivedBody, maxBytes: number): Promise<Buffer> {
  if (encoding === 'identity') return bytes;
  const options = { maxOutputLength: maxBytes, chunkSize: CHUNK_BYTES };
  try {
    return await (encoding === 'gzip' ? gunzip(bytes, options) : unbrotli(bytes, options));
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new AppError('invalid_request', 'the body is not what its encoding says', { cause: error });
  }
}

/** Throws `invalid_request`. */
export function parseJson(bytes: Uint8Array): unknown {
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

function tooLarge(maxBytes: number): AppError {
  return new AppError('too_large', `the body is larger than ${maxBytes} bytes; send fewer documents at a time`);
}
