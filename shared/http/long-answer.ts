/** Long answers: sent as they are made, at the reader's pace, and given up when the reader goes away. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { codeOf, messageOf } from '../app-error.js';
import type { Logger } from '../logger.js';

/** Text handed on at once: large enough to spare system calls, small enough to keep memory flat. */
const CHUNK_CHARACTERS = 64 * 1024;

interface AnswerKind {
  contentType: string;
  /** Where it is to be saved rather than shown. */
  fileName?: string;
}

export interface LongAnswer extends AnswerKind {
  lines: AsyncIterable<string>;
}

/** Each part is sent as it is. */
export interface AnswerInParts extends AnswerKind {
  parts: AsyncIterable<string | Uint8Array>;
}

/** Lines are sent some together, else as `sendParts` sends. */
export function sendLong(response: Response, { lines, ...kind }: LongAnswer, log: Logger): Promise<void> {
  return sendParts(response, { ...kind, parts: inChunks(lines) }, log);
}

/**
 * The first part is made before anything is sent, so that a store that cannot be read is a 503 and not an empty file. A
 * failure later on cuts the connection, which tells the reader that the answer is not whole. For HEAD no more than the
 * first part is made.
 */
export async function sendParts(response: Response, answer: AnswerInParts, log: Logger): Promise<void> {
  const parts = answer.parts[Symbol.asyncIterator]();
  const first = await parts.next();
  if (answer.fileName !== undefined) response.attachment(answer.fileName);
  response.set('Content-Type', answer.contentType);
  if (response.req.method === 'HEAD') {
    await parts.return?.();
    response.end();
    return;
  }
  const all = async function* () {
    if (!first.done) yield first.value;
    for (let next = await parts.next(); !next.done; next = await parts.next()) yield next.value;
  };
  try {
    await pipeline(Readable.from(all(), { objectMode: true, highWaterMark: 2 }), response);
  } catch (error) {
    if (codeOf(error) === 'ERR_STREAM_PREMATURE_CLOSE') return;
    log.warn('a long answer broke off', { error: messageOf(error) });
  } finally {
    // Where the reader was gone before anything was sent nobody else ends it.
    await parts.return?.();
  }
}

/** The text of `{…head, "name": […]}`, an item a line, each as it comes. */
export async function* jsonList(
  name: string,
  items: AsyncIterable<object>,
  head: object = {},
): AsyncGenerator<string, void, undefined> {
  const fields = JSON.stringify(head).slice(1, -1);
  let before = `{${fields}${fields === '' ? '' : ','}${JSON.stringify(name)}:[\n`;
  for await (const item of items) {
    yield before + JSON.stringify(item);
    before = ',\n';
  }
  yield before === ',\n' ? '\n]}\n' : `${before}]}\n`;
}

/** The first line alone, so that a reader sees at once that there is an answer. */
async function* inChunks(lines: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let text = '';
  let isFirst = true;
  for await (const line of lines) {
    text += line;
    if (!isFirst && text.length < CHUNK_CHARACTERS) continue;
    isFirst = false;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
