/** Reads the answer to a request: inflated, bounded, and whole or not at all. */
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { LinkError } from './link-error.js';

/** The body's bytes. Throws LinkError when it is cut short or, inflated, longer than `maxBytes`. */
export async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  let tooLarge: LinkError | undefined;
  const collect = async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) {
      length += chunk.length;
      if (length > maxBytes) {
        tooLarge = new LinkError('REQUEST_ERROR', 'the answer is larger than any answer should be', {
          answerTooLong: true,
        });
        throw tooLarge;
      }
      chunks.push(chunk);
    }
  };
  const inflate = inflater(response);
  try {
    if (inflate) await pipeline(response, inflate, collect);
    else await collect(response);
  } catch (error) {
    // A pipeline that was left early reports that it was left, not why.
    throw tooLarge ?? error;
  }
  if (!response.complete) throw new LinkError('CONNECTION_ERROR', 'the answer was cut short');
  return Buffer.concat(chunks, length);
}

function inflater({ headers }: IncomingMessage) {
  if (headers['content-encoding'] === 'gzip') return createGunzip();
  if (headers['content-encoding'] === 'br') return createBrotliDecompress();
  return undefined;
}

/** The value of a JSON text; `undefined` when it is empty or not JSON. */
export function parsedJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
