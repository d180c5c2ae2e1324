/**
 * A village without a node: it speaks to the gateway as a node does in a forced run, and costs this process little.
 *
 * Who answers, the checkpoint of before, batches (two in flight) with a positive answer for each document, the receipt of
 * all of them, the new checkpoint. A batch whose fate is unknown is asked for (`_revs_diff`) before it is sent again; one
 * that was sent away (429, 503 with `Retry-After`) has not been read and is sent again when it was told to. After failure
 * n without progress it waits a random time below 2^n s, but at least as long as it was asked to.
 */
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { backoffMs, RETRY_AFTER_MAX_MS } from '../../edge/link/backoff.js';
import { codeOf, messageOf } from '../../shared/app-error.js';
import { addToReceipt, EMPTY_RECEIPT, isReceipt, isSameReceipt } from '../../shared/receipt.js';
import { sleep } from '../../shared/time.js';
import { type LightAnswer, type LightRequest, sendRequest } from './light-request.js';
import type { RequestLog } from './request-log.js';
import { CANARY_REVISION, canaryOf, type LoadedBatch, type VillageLoad } from './village-load.js';

export interface LightVillageOptions {
  load: VillageLoad;
  /** Where the gateways answer. */
  origin: string;
  password: string;
  log: RequestLog;
  /** In [0, 1). */
  random: () => number;
  signal: AbortSignal;
}

const IN_FLIGHT = 2;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const BUSY = new Set([429, 503]);

export class LightVillage {
  readonly #options: LightVillageOptions;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  readonly #authorization: string;
  #failures = 0;

  constructor(options: LightVillageOptions) {
    this.#options = options;
    this.#authorization = `Basic ${Buffer.from(`${options.load.id}:${options.password}`).toString('base64')}`;
  }

  /**
   * Resolves when the centre has proven to hold all of the village. Rejects when it refuses or contradicts itself, and
   * when the signal is aborted.
   */
  async run(): Promise<void> {
    const { load } = this.#options;
    try {
      await this.#identify();
      const rev = await this.#checkpointRevision();
      const batches = load.batches.values();
      const sender = async () => {
        for (const batch of batches) await this.#deliver(batch);
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
      await this.#prove();
      await this.#writeCheckpoint(rev);
    } finally {
      this.#agent.destroy();
    }
  }

  async #identify(): Promise<void> {
    const { json } = await this.#ask({ method: 'GET', path: '/', headers: {} }, [200]);
    if ((json as { couchdb?: string } | undefined)?.couchdb !== 'Welcome') throw this.#wrong('GET /', json);
  }

  async #checkpointRevision(): Promise<string | undefined> {
    const { status, json } = await this.#ask({ method: 'GET', path: this.#checkpointPath, headers: {} }, [200, 404]);
    return status === 404 ? undefined : (json as { _rev?: string } | undefined)?._rev;
  }

  async #deliver(batch: LoadedBatch): Promise<void> {
    for (let isInDoubt = false; ; ) {
      if (isInDoubt && (await this.#isHeld(batch))) break;
      const answer = await this.#send(batch);
      if (answer?.status === 201) {
        this.#assertTaken(batch, answer);
        break;
      }
      // Sent away before it was read; anything else leaves open what became of it.
      isInDoubt = answer === undefined || !BUSY.has(answer.status) || answer.retryAfterMs === 0;
      await this.#wait(answer);
    }
    this.#failures = 0;
    this.#options.log.delivered(batch.documents);
  }

  #send(batch: LoadedBatch): Promise<LightAnswer | undefined> {
    const headers = { ...batch.body.headers, Prefer: 'return=representation' };
    return this.#try({ method: 'POST', path: '/telemetry/_bulk_docs', headers, body: batch.body.bytes });
  }

  /** One positive entry for each document, and for no other. */
  #assertTaken({ documents, receipt }: LoadedBatch, { json }: LightAnswer): void {
    const entries = Array.isArray(json) ? (json as { ok?: boolean; rev?: string }[]) : [];
    let taken = EMPTY_RECEIPT;
    for (const { ok, rev } of entries) if (ok === true && rev !== undefined) taken = addToReceipt(taken, rev);
    if (entries.length !== documents || !isSameReceipt(taken, receipt)) throw this.#wrong('a batch', json);
  }

  async #isHeld(batch: LoadedBatch): Promise<boolean> {
    const body = batch.question();
    const request: LightRequest = { method: 'POST', path: '/telemetry/_revs_diff', headers: JSON_TYPE, body };
    const { json } = await this.#ask(request, [200]);
    const { [canaryOf(this.#options.load.id)]: canary, ...missing } = (json ?? {}) as Record<
      string,
      { missing?: string[] }
    >;
    if (canary?.missing?.[0] !== CANARY_REVISION) throw this.#wrong('_revs_diff', json);
    return Object.keys(missing).length === 0;
  }

  async #prove(): Promise<void> {
    const { node, documents, receipt } = this.#options.load;
    const path = `/telemetry/_receipt?node=${node}&from=1&to=${documents}`;
    const { json } = await this.#ask({ method: 'GET', path, headers: {} }, [200]);
    if (!isReceipt(json) || !isSameReceipt(json, receipt)) throw this.#wrong('the receipt', json);
  }

  async #writeCheckpoint(known: string | undefined): Promise<void> {
    const session = randomUUID();
    const { documents } = this.#options.load;
    const history = [{ last_seq: documents, session_id: session }];
    const body = { version: 1, session_id: session, history, replicator: 'pouchdb', last_seq: documents };
    for (let rev = known; ; ) {
      const text = JSON.stringify({ ...body, ...(rev === undefined ? {} : { _rev: rev }) });
      const request: LightRequest = { method: 'PUT', path: this.#checkpointPath, headers: JSON_TYPE, body: text };
      // A conflict: the first attempt arrived and its answer did not.
      if ((await this.#ask(request, [201, 409])).status === 201) return;
      rev = await this.#checkpointRevision();
    }
  }

  get #checkpointPath(): string {
    return `/telemetry/_local/${this.#options.load.node}`;
  }

  /** Asks until the answer has one of these statuses. Only for what may be asked twice. */
  async #ask(request: LightRequest, statuses: readonly number[]): Promise<LightAnswer> {
    for (;;) {
      const answer = await this.#try(request);
      if (answer && statuses.includes(answer.status)) return answer;
      await this.#wait(answer);
    }
  }

  /** Undefined when there was no whole answer. Rejects for an answer that will not be another one next time. */
  async #try({ headers, ...request }: LightRequest): Promise<LightAnswer | undefined> {
    const { origin, log, signal } = this.#options;
    signal.throwIfAborted();
    const isBatch = request.path.endsWith('/_bulk_docs');
    const startMs = performance.now();
    const took = () => performance.now() - startMs;
    let answer: LightAnswer;
    try {
      const whole = { ...request, headers: { ...headers, Authorization: this.#authorization } };
      answer = await sendRequest(this.#agent, origin, whole);
    } catch (error) {
      log.note(codeOf(error) ?? messageOf(error), took(), isBatch);
      return undefined;
    }
    log.note(answer.status, took(), isBatch);
    const { status } = answer;
    const isFinal = status >= 400 && status < 500 && ![404, 408, 409, 429].includes(status);
    if (isFinal) throw this.#wrong(`${request.method} ${request.path} (${status})`, answer.json);
    return answer;
  }

  async #wait(answer: LightAnswer | undefined): Promise<void> {
    const { random, signal } = this.#options;
    this.#failures++;
    const asked = Math.min(answer?.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
    await sleep(Math.max(asked, backoffMs(this.#failures, random)), signal);
    signal.throwIfAborted();
  }

  #wrong(what: string, json: unknown): Error {
    const said = JSON.stringify(json)?.slice(0, 200) ?? 'nothing that can be read';
    return new Error(`${this.#options.load.id}: the centre's answer to ${what} is ${said}`);
  }
}
