/**
 * Answers of the replication endpoints, as small as the village can read them: over 2G an answer of one line per
 * document, sent plain, costs more than the documents.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import type { Request, Response } from 'express';

const gzip = promisify(zlib.gzip);

/** Below this, compressing costs more than it saves. */
const COMPRESS_FROM_BYTES = 400;

/** Sends `body` as JSON, gzip where the client takes it. The status is the one set before. */
export async function sendJson(request: Request, response: Response, body: unknown): Promise<void> {
  const plain = Buffer.from(JSON.stringify(body), 'utf8');
  response.type('application/json').vary('Accept-Encoding');
  if (plain.length < COMPRESS_FROM_BYTES || request.acceptsEncodings('gzip') === false) {
    response.send(plain);
    return;
  }
  response.set('Content-Encoding', 'gzip').send(await gzip(plain));
}
