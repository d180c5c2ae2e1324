/**
 * The centre as the push sees it: the few requests of the CouchDB replication protocol, each answer doubted until it
 * proves what it says.
 *
 * Protocol: https://docs.couchdb.org/en/stable/replication/protocol.html. A gateway is asked for a positive answer for
 * each document (`Prefer: return=representation`); a plain CouchDB names failures only, so what it took is read back
 * with `_revs_diff`.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import { isReceipt, type Receipt } from '../../shared/receipt.js';
import type { EncodedBody } from '../link/body-encoder.js';
import type { Link, LinkAnswer } from '../link/link.js';
import { LinkError } from '../link/link-error.js';
import { type WitnessedDocument, Witnesses } from './witnesses.js';

/** Who answers at API_URL. */
export interface CentreIdentity {
  kind: 'gateway' | 'couchdb';
  uuid: string;
  /** It proves from its own storage what it holds. */
  receipts: boolean;
}

/** Documents made ready to be sent. */
export interface PreparedDocuments {
  readonly documents: readonly TelemetryDocument[];
  readonly body: EncodedBody;
}

/** What became of one document that was sent. */
export type Outcome =
  | { result: 'delivered' }
  /** The centre held the same document already, under this other number. */
  | { result: 'void'; held: { node: string; seq: number } }
  | { result: 'refused'; reason: string };

/** A revision no document has; a truthful `_revs_diff` reports it missing. */
const IMPOSSIBLE_REVISION = '1-00000000000000000000000000000000';
const REFUSALS: ReadonlySet<string> = new Set([
  'forbidden',
  'unauthorized',
  'bad_request',
  'doc_validation',
  'too_large',
]);

export class Centre {
  readonly #link: Link;
  /** Of a gateway there are none: it proves what it holds. */
  readonly #witnesses = new Witnesses();
  #isPlain = false;
  readonly #onDate: (centreMs: number) => void;

  /** `onDate` hears the centre's time from each answer. */
  constructor(link: Link, onDate: (centreMs: number) => void) {
    this.#link = link;
    this.#onDate = onDate;
  }

  /** Asks who answers; throws LinkError when it is neither a gateway nor a CouchDB. */
  async identify(signal: AbortSignal): Promise<CentreIdentity> {
    const answer = await this.#link.request({ method: 'GET', path: '/', signal });
    this.#hearDate(answer);
    const { couchdb, uuid, vendor, features } = asRecord(answer.json);
    if (couchdb !== 'Welcome' || typeof uuid !== 'string') {
      throw new LinkError(
        'REQUEST_ERROR',
        `what answers at ${this.#link.url} is neither a solar-central nor a CouchDB`,
      );
    }
    const isGateway = asRecord(vendor).name === 'solar-central';
    // What a plain CouchDB says of itself it says in other words: these are the gateway's.
    const offers = (feature: string) => isGateway && Array.isArray(features) && features.includes(feature);
    this.#link.useBrotli(offers('accepts-br'));
    this.#isPlain = !isGateway;
    return { kind: isGateway ? 'gateway' : 'couchdb', uuid, receipts: offers('receipts') };
  }

  /** What the centre says of its database: when it was made, and how many changes it has had. */
  async database(signal: AbortSignal): Promise<{ instanceStartTime: string; updateSeq: number }> {
    const { json } = await this.#link.request({ method: 'GET', path: '/telemetry', signal });
    const { instance_start_time: startTime, update_seq: updateSeq } = asRecord(json);
    // CouchDB's sequence is `123-…`, of which the number is the sum over its shards.
    const changes = Number.parseInt(String(updateSeq), 10);
    if (!Number.isSafeInteger(changes)) throw unreadable('its database');
    return { instanceStartTime: String(startTime), updateSeq: changes };
  }

  /** A new session asks anew what the centre holds. */
  forgetWitnesses(): void {
    this.#witnesses.forget();
  }

  /** Throws LinkError where a plain CouchDB lacks what it was seen to hold in this session. */
  async assertNotSetBack(signal: AbortSignal): Promise<void> {
    const witnesses = this.#witnesses.documents;
    if (witnesses.length > 0) await this.#ask(witnesses, signal);
  }

  /** A checkpoint document on the centre's side (`_local/…`), or undefined. */
  async readCheckpoint(id: string, signal: AbortSignal): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await this.#link.request({ method: 'GET', path: `/telemetry/${id}`, signal });
      const body = asRecord(answer.json);
      if (typeof body._id !== 'string') throw unreadable('the checkpoint');
      return body;
    } catch (error) {
      if (!(error instanceof LinkError) || error.status !== 404) throw error;
    }
    // 404 is a missing checkpoint only where the database is there; else the database is what is missing.
    await this.#link.request({ method: 'GET', path: '/telemetry', signal });
    return undefined;
  }

  /** Answers the revision it has then. */
  async writeCheckpoint(id: string, body: object, signal: AbortSignal): Promise<string | undefined> {
    const answer = await this.#link.request({ method: 'PUT', path: `/telemetry/${id}`, body, signal });
    const { ok, rev } = asRecord(answer.json);
    if (ok !== true) throw unreadable('the checkpoint');
    return typeof rev === 'string' ? rev : undefined;
  }

  /** Deletes a checkpoint document; one that is not there is as good as deleted. */
  async deleteCheckpoint(id: string, signal: AbortSignal): Promise<void> {
    const found = await this.readCheckpoint(id, signal);
    if (typeof found?._rev !== 'string') return;
    await this.#link.request({
      method: 'DELETE',
      path: `/telemetry/${id}?rev=${encodeURIComponent(found._rev)}`,
      signal,
    });
  }

  /** What the centre holds of a node's numbers, as it says itself. Throws LinkError. */
  async receipt(node: string, from: number, to: number, signal: AbortSignal): Promise<Receipt> {
    const path = `/telemetry/_receipt?node=${node}&from=${from}&to=${to}`;
    const { json } = await this.#link.request({ method: 'GET', path, signal });
    if (!isReceipt(json)) throw unreadable('what it holds');
    return json;
  }

  /** Makes documents ready to be sent, which may take longer than sending them. */
  async prepare(documents: readonly TelemetryDocument[]): Promise<PreparedDocuments> {
    return { documents, body: await this.#link.encode({ docs: documents, new_edits: false }) };
  }

  /** Sends documents; resolves with one outcome each, in order. Throws LinkError when the fate of any is unknown. */
  async send(
    { documents, body }: PreparedDocuments,
    kind: CentreIdentity['kind'],
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const seeHeld = this.#witnesses.handOver();
    const answer = await this.#link.request({
      method: 'POST',
      path: '/telemetry/_bulk_docs',
      headers: kind === 'gateway' ? { Prefer: 'return=representation' } : {},
      body,
      maxAnswerBytes: answerBytes(documents.length),
      signal,
    });
    this.#hearDate(answer);
    if (answer.status === 202) {
      throw new LinkError('HTTP_ERROR', 'the centre took the documents without a quorum', { status: 503 });
    }
    if (answer.status !== 201 || !Array.isArray(answer.json)) throw unreadable('the documents');
    const entries = answer.json.map(asRecord);
    if (kind === 'gateway') return representedOutcomes(documents, entries);
    const outcomes = await this.#readBack(documents, entries, signal);
    seeHeld(documents.filter((_, index) => outcomes[index]?.result === 'delivered'));
    return outcomes;
  }

  /**
   * Ids of those documents whose revision the centre does not hold (`_revs_diff`). Throws LinkError, also where it lacks
   * what it was seen to hold before.
   */
  async missing(documents: readonly TelemetryDocument[], signal: AbortSignal): Promise<Set<string>> {
    const missing = await this.#missing(documents, signal);
    if (this.#isPlain) this.#witnesses.found(documents.filter(({ _id }) => !missing.has(_id)));
    return missing;
  }

  async #missing(documents: readonly TelemetryDocument[], signal: AbortSignal): Promise<Set<string>> {
    try {
      return await this.#ask(documents, signal);
    } catch (error) {
      // Something on the way takes no question as long as this.
      if (!(error instanceof LinkError) || error.status !== 413 || documents.length < 2) throw error;
      const half = Math.ceil(documents.length / 2);
      const first = await this.#missing(documents.slice(0, half), signal);
      return new Set([...first, ...(await this.#missing(documents.slice(half), signal))]);
    }
  }

  /** The witnesses are asked for as well. */
  async #ask(documents: readonly WitnessedDocument[], signal: AbortSignal): Promise<Set<string>> {
    const first = documents[0];
    if (!first) return new Set();
    // With one revision known to be missing: `{}` alone could come from anything that answers.
    const canary = `${first._id.slice(0, first._id.indexOf(':'))}:canary`;
    // Name by name: making an object of thousands from entries, or by copying one, takes five times as long.
    const body: Record<string, readonly string[]> = { [canary]: [IMPOSSIBLE_REVISION] };
    for (const { _id, _rev } of documents) body[_id] = [_rev];
    const witnesses = this.#witnesses.documents;
    for (const { _id, _rev } of witnesses) body[_id] = [_rev];
    const answer = await this.#link.request({
      method: 'POST',
      path: '/telemetry/_revs_diff',
      body,
      maxAnswerBytes: answerBytes(documents.length),
      signal,
    });
    const missing = new Set(Object.keys(asRecord(answer.json)));
    if (!missing.delete(canary)) throw unreadable('what it holds');
    for (const { _id } of witnesses) {
      // The next session believes the checkpoints alone, and asks for everything behind them.
      if (missing.delete(_id))
        throw new LinkError('REQUEST_ERROR', `the centre no longer holds ${_id}, which it had taken`);
    }
    return missing;
  }

  /** On a plain CouchDB: refused ones are named, and of the others `_revs_diff` must not miss a single one. */
  async #readBack(
    documents: readonly TelemetryDocument[],
    failures: readonly Record<string, unknown>[],
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const reasons = new Map(failures.map((failure) => [failure.id, failure]));
    const outcomes = documents.map((document): Outcome => {
      const failure = reasons.get(document._id);
      return failure ? refusal(failure) : { result: 'delivered' };
    });
    const sent = documents.filter((document) => !reasons.has(document._id));
    const missing = await this.#missing(sent, signal).catch((error: unknown) => {
      // A refusal of the question is no refusal of the documents.
      if (!(error instanceof LinkError) || (error.status !== 413 && error.status !== 400)) throw error;
      throw new LinkError('REQUEST_ERROR', `what the centre took could not be read back: ${error.message}`);
    });
    if (missing.size > 0) {
      throw new LinkError(
        'REQUEST_ERROR',
        `the centre does not hold ${missing.size} of ${sent.length} documents it took`,
      );
    }
    return outcomes;
  }

  #hearDate({ headers: { date } }: LinkAnswer): void {
    const centreMs = Date.parse(date ?? '');
    if (Number.isFinite(centreMs)) this.#onDate(centreMs);
  }
}

/** An entry has an id, a revision and, at worst, a sentence; anything longer is not an answer about these documents. */
function answerBytes(documents: number): number {
  return 64 * 1024 + documents * 2048;
}

/** A gateway's entries, each held against the document it must be about. */
function representedOutcomes(
  documents: readonly TelemetryDocument[],
  entries: readonly Record<string, unknown>[],
): Outcome[] {
  if (entries.length !== documents.length) throw unreadable('the documents');
  return documents.map((document, index): Outcome => {
    const entry = entries[index] ?? {};
    if (entry.id !== document._id) throw unreadable('the documents');
    if (entry.ok !== true) return refusal(entry);
    if (entry.rev !== document._rev) throw unreadable('the documents');
    const { node, seq } = asRecord(entry.held);
    return typeof node === 'string' && typeof seq === 'number'
      ? { result: 'void', held: { node, seq } }
      : { result: 'delivered' };
  });
}

/** Only a known word of refusal is one; anything else is the centre's trouble and tried again. */
function refusal({ error, reason }: Record<string, unknown>): Outcome {
  if (typeof error !== 'string' || !REFUSALS.has(error)) {
    throw new LinkError('REQUEST_ERROR', `the centre could not store a document: ${String(error)}`);
  }
  return { result: 'refused', reason: typeof reason === 'string' ? reason : error };
}

function unreadable(what: string): LinkError {
  return new LinkError('REQUEST_ERROR', `the centre's answer about ${what} does not say what became of them`);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
