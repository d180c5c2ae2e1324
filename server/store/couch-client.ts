/**
 * Requests to CouchDB through nano, with what nano leaves out: a deadline, the status of a success (201 and 202
 * differ), and failures told apart. Connections are kept alive by Node's own fetch, which nano uses.
 */
import nano from 'nano';
import { AppError, messageOf } from '../../shared/app-error.js';
import type { CouchConfig } from '../config.js';

export interface CouchRequest {
  /** Name without the prefix; absent for requests to the server itself. */
  db?: string;
  /** Encoded path below the database. */
  path?: string;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Parameters; keys (`startkey` and so on) are encoded as JSON. */
  qs?: Record<string, unknown>;
  body?: object | number;
  /** Statuses that are answers to the caller rather than failures; 2xx always are. */
  expected?: readonly number[];
  /** Milliseconds until the request is given up, where the usual ones are not right. */
  deadlineMs?: number;
  /** Gives the request up when aborted. */
  signal?: AbortSignal | undefined;
}

export interface CouchAnswer<T> {
  status: number;
  /** Of an answer that is not 2xx: `{error, reason}`. */
  body: T;
}

/**
 * Milliseconds until a request is given up: a full batch on a busy cluster takes a few seconds, and a node that waits for
 * the answer gives up soon after.
 */
const DEADLINE_MS = 12_000;
/** Whoever asks the centre, also without a credential, learns neither where its database is nor why it fails. */
const DATABASE_TROUBLE = 'the database of the centre does not answer as it should; its log says why';
const RETRY_AFTER_S = 5;
/** What CouchDB says of a database, not of a document, with a 404. */
const GONE = new Set(['Database does not exist.', 'no_db_file']);

export class CouchClient {
  readonly #url: string;
  readonly #authorization: string;
  readonly #prefix: string;
  readonly #deadlineMs: number;
  /** Requests that have not ended; each has its own, since a signal combined from others may be collected too early. */
  readonly #underWay = new Set<AbortController>();
  #isClosed = false;
  #onGone: ((db: string) => AppError) | undefined;
  /** For messages: without credentials. */
  readonly origin: string;

  /** What databases are made with. */
  readonly placement: Pick<CouchConfig, 'shards' | 'copies'>;

  constructor({ url, user, password, prefix, shards, copies, deadlineMs = DEADLINE_MS }: CouchConfig) {
    this.#deadlineMs = deadlineMs;
    this.placement = { shards, copies };
    this.origin = url;
    this.#prefix = prefix;
    this.#authorization = `Basic ${Buffer.from(`${user ?? ''}:${password ?? ''}`, 'utf8').toString('base64')}`;
    const withCredentials = new URL(url);
    withCredentials.username = encodeURIComponent(user ?? '');
    withCredentials.password = encodeURIComponent(password ?? '');
    this.#url = withCredentials.href;
  }

  get prefix(): string {
    return this.#prefix;
  }

  /** From now on `tell` is called whenever a database is not there, and what it returns is thrown. */
  onDatabaseGone(tell: (db: string) => AppError): void {
    this.#onGone = tell;
  }

  /** Gives up every request under way: each throws `unavailable`. */
  close(): void {
    this.#isClosed = true;
    for (const request of this.#underWay) request.abort(new Error('the centre is being stopped'));
  }

  /** Throws `unavailable` (with a time to try again) for everything that is neither 2xx nor expected. */
  async request<T>(request: CouchRequest): Promise<CouchAnswer<T>> {
    const { db, path, method = 'GET', qs, body, expected = [], deadlineMs = this.#deadlineMs, signal } = request;
    let status = 0;
    // A scope per request: nano tells the status of a success to its log only.
    const scope = nano({ url: this.#url, log: (entry: unknown) => (status = statusOf(entry) ?? status) });
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(new Error(`no answer within ${deadlineMs / 1000} s`)), deadlineMs);
    const callOff = () => giveUp.abort(new Error('nobody waits for the answer any more'));
    signal?.addEventListener('abort', callOff);
    if (signal?.aborted) callOff();
    this.#underWay.add(giveUp);
    if (this.#isClosed) giveUp.abort(new Error('the centre is being stopped'));
    const options = {
      method,
      ...(db === undefined ? {} : { db: this.#prefix + db }),
      ...(path === undefined ? {} : { path }),
      ...(qs === undefined ? {} : { qs }),
      // Written here: nano writes with a replacer, which takes five times as long.
      ...(body === undefined ? {} : { body: JSON.stringify(body), dontStringify: true }),
      signal: giveUp.signal,
    };
    try {
      const answer = await orAborted(scope.request(options as nano.RequestOptions), giveUp.signal);
      return { status, body: answer as T };
    } catch (error) {
      const failure = error as nano.RequestError;
      if (db !== undefined && failure.statusCode === 404 && GONE.has(failure.reason ?? '') && this.#onGone) {
        throw this.#onGone(db);
      }
      if (failure.statusCode !== undefined && expected.includes(failure.statusCode)) {
        return { status: failure.statusCode, body: { error: failure.error, reason: failure.reason } as T };
      }
      throw this.#unavailable(failure);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', callOff);
      this.#underWay.delete(giveUp);
    }
  }

  /**
   * A request whose answer, whatever its status, is `use`d as it comes. Whoever calls keeps the deadlines: aborting
   * `giveUp` ends request and answer, as does `close`. Throws `unavailable` when nothing answers.
   */
  async exchange(
    { db, path, ...init }: { db?: string; path: string; method: string; body: string | null },
    giveUp: AbortController,
    use: (response: Response) => Promise<void>,
  ): Promise<void> {
    const below = db === undefined ? path : `${encodeURIComponent(this.#prefix + db)}/${path}`;
    const url = `${this.origin.replace(/\/$/, '')}/${below}`;
    const headers = {
      Accept: 'application/json',
      'Content-Type': 'application/json',
      Authorization: this.#authorization,
    };
    this.#underWay.add(giveUp);
    if (this.#isClosed) giveUp.abort(new Error('the centre is being stopped'));
    try {
      const asked = fetch(url, { ...init, headers, redirect: 'error', signal: giveUp.signal });
      const response = await orAborted(asked, giveUp.signal).catch((error: Error) => {
        // What fetch says itself is only that it failed.
        throw this.#unavailable((error.cause ?? error) as nano.RequestError);
      });
      await use(response);
    } finally {
      this.#underWay.delete(giveUp);
    }
  }

  /** What to throw for a database that turned out not to be there; undefined for any other failure. */
  goneError(db: string, status: number, reason: string): AppError | undefined {
    return status === 404 && GONE.has(reason) ? this.#onGone?.(db) : undefined;
  }

  #unavailable(error: nano.RequestError): AppError {
    const { statusCode, reason } = error;
    const why =
      statusCode === undefined
        ? `cannot be reached (${messageOf(error).replace(/^error happened in your connection\. Reason: /, '')})`
        : `answered ${statusCode}${reason ? ` (${reason})` : ''}`;
    const hint = statusCode === 401 || statusCode === 403 ? '; check COUCHDB_USER and COUCHDB_PASSWORD' : '';
    // The cause would carry the request, credentials included: its text is enough.
    return new AppError('unavailable', `CouchDB at ${this.origin} ${why}${hint}`, {
      ...{ retryAfterS: RETRY_AFTER_S, told: DATABASE_TROUBLE },
    });
  }
}

/** Aborting a fetch does not end it any more once its request was collected as garbage: whoever waits is told here. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/** For an answer that is not CouchDB's: a proxy in between may answer anything with a 200. */
export function notCouch(retryAfterS: number): AppError {
  return new AppError('unavailable', 'CouchDB gave an answer that is none of its own', { retryAfterS });
}

function statusOf(entry: unknown): number | undefined {
  if (typeof entry !== 'object' || entry === null || !('headers' in entry)) return undefined;
  const { headers } = entry;
  if (typeof headers !== 'object' || headers === null || !('statusCode' in headers)) return undefined;
  return Number(headers.statusCode);
}
