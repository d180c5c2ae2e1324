/**
 * Questions of analysts, passed on to CouchDB in its own words, and its answers passed back as they come: neither is held
 * in memory. Read-only by what the caller lets through. CouchDB's own faults become `unavailable`, never its words.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import type { CouchQuery, CouchQueryAnswer } from './contract.js';
import type { CouchClient } from './couch-client.js';

const DB = 'telemetry';
/** Until the answer begins, and then between two parts of it: a search without an index is silent for long. */
const SILENCE_MS = 60_000;
const RETRY_AFTER_S = 10;
const MAX_REFUSAL_BYTES = 64 * 1024;
const MAX_REASON_LENGTH = 500;

/** Throws `unavailable` while CouchDB cannot be asked; resolves when `take` has. */
export async function couchQuery(
  client: Pick<CouchClient, 'exchange' | 'goneError'>,
  { method, path, parameters, body, signal }: CouchQuery,
  take: (answer: CouchQueryAnswer) => Promise<void>,
): Promise<void> {
  const giveUp = new AbortController();
  const callOff = () => giveUp.abort(new Error('nobody waits for the answer any more'));
  signal.addEventListener('abort', callOff);
  if (signal.aborted) callOff();
  const silence = new Silence(giveUp);
  try {
    const search = parameters.size === 0 ? '' : `?${parameters}`;
    const request = { db: DB, path: path + search, method, body: body === undefined ? null : JSON.stringify(body) };
    await client.exchange(request, giveUp, async (response) => {
      const chunks = heard(response, silence, giveUp.signal);
      await take(response.ok ? { ok: true, status: response.status, chunks } : await refusal(client, response, chunks));
    });
  } finally {
    silence.end();
    signal.removeEventListener('abort', callOff);
    // An answer that was not read to its end must not hold its connection.
    giveUp.abort();
  }
}

/** Gives up when nothing was heard for a minute. */
class Silence {
  readonly #timer: NodeJS.Timeout;

  constructor(giveUp: AbortController) {
    const error = new Error(`no answer within ${SILENCE_MS / 1000} s; an index may still be building`);
    this.#timer = setTimeout(() => giveUp.abort(error), SILENCE_MS);
  }

  broken(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function* heard(
  { body }: Response,
  silence: Silence,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!body) return;
  const reader = body.getReader();
  // Aborting a fetch does not end its answer any more once the request itself was collected as garbage.
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener('abort', cancel);
  try {
    for (let part = await reader.read(); ; part = await reader.read()) {
      // What was called off ends as if there were no more of it.
      if (signal.aborted) throw signal.reason;
      if (part.done) return;
      silence.broken();
      yield part.value;
      // A reader that takes its time is not CouchDB's silence.
      silence.broken();
    }
  } catch (error) {
    const why = messageOf(error);
    throw new AppError('unavailable', `CouchDB's answer broke off (${why})`, { retryAfterS: RETRY_AFTER_S });
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}

async function refusal(
  client: Pick<CouchClient, 'goneError'>,
  { status }: Response,
  chunks: AsyncIterable<Uint8Array>,
): Promise<CouchQueryAnswer> {
  const { error, reason } = await wordsOf(chunks);
  const gone = client.goneError(DB, status, reason);
  if (gone) throw gone;
  // 401 and 403 are about the gateway's own user, not about who asks the gateway.
  const isAnswer = status >= 400 && status < 500 && status !== 401 && status !== 403 && error !== '';
  if (isAnswer) return { ok: false, status, error, reason };
  const why = reason === '' ? '' : ` (${reason})`;
  throw new AppError('unavailable', `CouchDB answered ${status}${why} to a query`, { retryAfterS: RETRY_AFTER_S });
}

async function wordsOf(chunks: AsyncIterable<Uint8Array>): Promise<{ error: string; reason: string }> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_REFUSAL_BYTES) break;
    }
    const { error, reason } = JSON.parse(Buffer.concat(parts).toString('utf8')) as Record<string, unknown>;
    return { error: textOf(error), reason: textOf(reason) };
  } catch (error) {
    return { error: '', reason: messageOf(error).slice(0, MAX_REASON_LENGTH) };
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_REASON_LENGTH) : '';
}
