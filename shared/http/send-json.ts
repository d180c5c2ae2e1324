/**
 * Answers in JSON, as small as the client can read them: over 2G an answer of one line per document, sent plain, costs
 * more than the documents, and over a poor WiFi the readings of a day take seconds.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Request, Response } from 'express';

const gzip = promisify(zlib.gzip);
const brotli = promisify(zlib.brotliCompress);

/** Quick, and still smaller than the best gzip: rows repeat the one before, so a small window is enough. */
const BROTLI = {
  params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5, [zlib.constants.BROTLI_PARAM_LGWIN]: 12 },
};

/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 400;

/** Sends `body` as JSON, Brotli or gzip where the client takes it, made off the main thread. The status is the one set before. */
export async function sendJson(request: Request, response: Response, body: unknown): Promise<void> {
  const plain = Buffer.from(JSON.stringify(body), 'utf8');
  response.type('application/json').vary('Accept-Encoding');
  const coding = plain.length < COMPRESS_FROM_BYTES ? false : request.acceptsEncodings('br', 'gzip');
  if (coding === 'br') response.set('Content-Encoding', 'br').send(await brotli(plain, BROTLI));
  else if (coding === 'gzip') response.set('Content-Encoding', 'gzip').send(await gzip(plain));
  else response.send(plain);
}
