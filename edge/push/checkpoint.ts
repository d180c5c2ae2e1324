/**
 * Checkpoints in CouchDB's replication protocol, version 1 as PouchDB writes them, so that a stock replication can go
 * on where ours stopped and the other way round. They are an economy: a wrong or missing one costs sending again, never
 * a document.
 */
import { randomUUID } from 'node:crypto';
import generateReplicationId from 'pouchdb-generate-replication-id';
import type { Segment } from '../ledger/segment.js';
import { LinkError } from '../link/link-error.js';
import type { Centre, CentreIdentity } from './centre.js';

const VERSION = 1;
const HISTORY_LENGTH = 5;

interface CheckpointEntry {
  session_id: string;
  last_seq: number;
}

interface CheckpointDocument {
  _rev?: string;
  version: number;
  session_id: string;
  history: CheckpointEntry[];
  replicator: string;
  last_seq: number;
}

/** Checkpoints are an economy; their own cost is kept small beside what they save. */
const EVERY_MS = 900_000;
const EVERY_DOCUMENTS = 10_000;

/** The checkpoints of one segment at one centre, during one session. */
export class Checkpoint {
  readonly #segment: Segment;
  readonly #centre: Centre;
  /** `_local/…`, the same on both sides. */
  readonly id: string;
  readonly #sessionId = randomUUID();
  #writtenSeq: number | undefined;
  readonly #countsFromSeq: number;
  #writtenMs = performance.now();
  /** The document at the centre, so that it need not be read again to be replaced. */
  #remote: CheckpointDocument | undefined | 'unknown';
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(segment: Segment, centre: Centre, id: string) {
    this.#segment = segment;
    this.#centre = centre;
    this.id = id;
    this.#countsFromSeq = segment.delivery.deliveredSeq;
    // One that was never written is most likely not there.
    this.#remote = segment.delivery.checkpoints?.includes(id) ? 'unknown' : undefined;
  }

  static async of(segment: Segment, centre: Centre, identity: CentreIdentity): Promise<Checkpoint> {
    // PouchDB's HTTP adapter calls a database by the server's uuid and the database's name.
    const target = { id: async () => `${identity.uuid}telemetry` };
    const id = await generateReplicationId({ id: () => segment.databaseId() }, target, {});
    return new Checkpoint(segment, centre, id);
  }

  /** Reads both sides and finds the last local sequence they agree on: 0 when either knows nothing. */
  async read(signal: AbortSignal): Promise<number> {
    const local = asCheckpoint(await this.#segment.readCheckpoint<unknown>(this.id));
    const remote = asCheckpoint(await this.#centre.readCheckpoint(this.id, signal));
    this.#remote = remote;
    const agreed = local && remote ? lastCommonSeq(local, remote) : 0;
    this.#writtenSeq = Math.min(agreed, this.#segment.count);
    return this.#writtenSeq;
  }

  /** True when so much has happened since the last one that losing it would cost more than writing it. */
  isDue(localSeq: number): boolean {
    const documents = localSeq - (this.#writtenSeq ?? this.#countsFromSeq);
    if (documents <= 0) return false;
    return documents >= EVERY_DOCUMENTS || performance.now() - this.#writtenMs >= EVERY_MS;
  }

  /**
   * Writes the sequence on both sides, the centre's first: the local one must never be ahead of it. False when it was
   * written before.
   */
  write(lastSeq: number, signal: AbortSignal): Promise<boolean> {
    const write = () => this.#write(lastSeq, signal);
    const writing = this.#writing.then(write, write);
    this.#writing = writing;
    return writing;
  }

  async #write(lastSeq: number, signal: AbortSignal): Promise<boolean> {
    if (lastSeq <= (this.#writtenSeq ?? 0)) return false;
    this.#remote = await this.#writeRemote(lastSeq, signal);
    // Set back before that was written, the centre has a checkpoint for documents it lacks. It does not count while this
    // side does not have it, too; set back from now on, it loses it again.
    await this.#centre.assertNotSetBack(signal);
    const local = await this.#segment.readCheckpoint<unknown>(this.id);
    const { _rev: _, ...body } = this.#next(local, lastSeq);
    await this.#segment.writeCheckpoint(this.id, body);
    await this.#remember();
    this.#writtenSeq = lastSeq;
    this.#writtenMs = performance.now();
    return true;
  }

  async #writeRemote(lastSeq: number, signal: AbortSignal): Promise<CheckpointDocument> {
    const known = this.#remote;
    // Unless what follows is written, what is there is not what is known.
    this.#remote = 'unknown';
    if (known !== 'unknown') {
      try {
        return await this.#replaceRemote(known, lastSeq, signal);
      } catch (error) {
        // Another wrote it meanwhile: a stock replication, say.
        if (!(error instanceof LinkError) || error.status !== 409) throw error;
      }
    }
    return this.#replaceRemote(await this.#centre.readCheckpoint(this.id, signal), lastSeq, signal);
  }

  async #replaceRemote(known: unknown, lastSeq: number, signal: AbortSignal): Promise<CheckpointDocument> {
    const next = this.#next(known, lastSeq);
    const rev = await this.#centre.writeCheckpoint(this.id, next, signal);
    return rev === undefined ? next : { ...next, _rev: rev };
  }

  /** When the segment is deleted, its checkpoint at the centre is to go, too. */
  async #remember(): Promise<void> {
    if (this.#segment.delivery.checkpoints?.includes(this.id)) return;
    await this.#segment.updateDelivery((delivery) => {
      const { checkpoints = [] } = delivery;
      return checkpoints.includes(this.id) ? delivery : { ...delivery, checkpoints: [...checkpoints, this.id] };
    });
  }

  #next(previous: unknown, lastSeq: number): CheckpointDocument & { _id: string } {
    const found = asCheckpoint(previous);
    const others = (found?.history ?? []).filter((entry) => entry.session_id !== this.#sessionId);
    const history = [{ last_seq: lastSeq, session_id: this.#sessionId }, ...others].slice(0, HISTORY_LENGTH);
    return {
      _id: this.id,
      ...(found?._rev ? { _rev: found._rev } : {}),
      version: VERSION,
      session_id: this.#sessionId,
      history,
      replicator: 'pouchdb',
      last_seq: lastSeq,
    };
  }
}

function asCheckpoint(value: unknown): CheckpointDocument | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { last_seq: lastSeq, session_id: sessionId, history, version } = value as Partial<CheckpointDocument>;
  if (version !== VERSION || !Number.isSafeInteger(lastSeq) || typeof sessionId !== 'string') return undefined;
  const entries = (Array.isArray(history) ? history : []).filter((entry) => Number.isSafeInteger(entry?.last_seq));
  return { ...(value as CheckpointDocument), history: entries };
}

/** The newest sequence of a session both sides remember; PouchDB's `compareReplicationLogs` decides the same. */
function lastCommonSeq(local: CheckpointDocument, remote: CheckpointDocument): number {
  if (local.session_id === remote.session_id) return Math.min(local.last_seq, remote.last_seq);
  const remoteSeqs = new Map(remote.history.map((entry) => [entry.session_id, entry.last_seq]));
  for (const { session_id: sessionId, last_seq: localSeq } of local.history) {
    const remoteSeq = remoteSeqs.get(sessionId);
    if (remoteSeq !== undefined) return Math.min(localSeq, remoteSeq);
  }
  return 0;
}
