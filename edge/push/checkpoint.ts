/**
 * Checkpoints in CouchDB's replication protocol, version 1 as PouchDB writes them, so that a stock replication can go
 * on where ours stopped and the other way round. They are an economy: a wrong or missing one costs sending again, never
 * a document.
 */
import { randomUUID } from 'node:crypto';
import generateReplicationId from 'pouchdb-generate-replication-id';
import type { Segment } from '../ledger/segment.js';
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

/** The checkpoints of one segment at one centre, during one run. */
export class Checkpoint {
  readonly #segment: Segment;
  readonly #centre: Centre;
  /** `_local/…`, the same on both sides. */
  readonly id: string;
  readonly #sessionId = randomUUID();
  #writtenSeq: number;

  private constructor(segment: Segment, centre: Centre, id: string, since: number) {
    this.#segment = segment;
    this.#centre = centre;
    this.id = id;
    this.#writtenSeq = since;
  }

  /** Reads both sides and finds the last local sequence they agree on: 0 when either knows nothing. */
  static async read(
    segment: Segment,
    centre: Centre,
    identity: CentreIdentity,
    signal: AbortSignal,
  ): Promise<{ checkpoint: Checkpoint; since: number }> {
    // PouchDB's HTTP adapter calls a database by the server's uuid and the database's name.
    const target = { id: async () => `${identity.uuid}telemetry` };
    const id = await generateReplicationId({ id: () => segment.databaseId() }, target, {});
    const local = asCheckpoint(await segment.readCheckpoint<unknown>(id));
    const remote = asCheckpoint(await centre.readCheckpoint(id, signal));
    const agreed = local && remote ? lastCommonSeq(local, remote) : 0;
    const since = Math.min(agreed, segment.count);
    return { checkpoint: new Checkpoint(segment, centre, id, since), since };
  }

  /** Writes the sequence on both sides, the centre's first: the local one must never be ahead of it. */
  async write(lastSeq: number, signal: AbortSignal): Promise<void> {
    if (lastSeq === this.#writtenSeq) return;
    const remote = await this.#centre.readCheckpoint(this.id, signal);
    await this.#centre.writeCheckpoint(this.id, this.#next(remote, lastSeq), signal);
    const local = await this.#segment.readCheckpoint<unknown>(this.id);
    const { _rev: _, ...body } = this.#next(local, lastSeq);
    await this.#segment.writeCheckpoint(this.id, body);
    await this.#remember();
    this.#writtenSeq = lastSeq;
  }

  /** When the segment is deleted, its checkpoint at the centre is to go, too. */
  async #remember(): Promise<void> {
    const { delivery } = this.#segment;
    const { checkpoints = [] } = delivery;
    if (checkpoints.includes(this.id)) return;
    await this.#segment.writeDelivery({ ...delivery, checkpoints: [...checkpoints, this.id] });
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
