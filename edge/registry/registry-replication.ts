/**
 * One replication in one direction, by PouchDB's own replicator, without its checkpoints, timeouts and retries: where
 * it begins is given, and whoever calls decides what a failure means.
 *
 * PouchDB asks more than is needed of a link of 600 ms. What is known to be on both sides is not asked for or sent, and
 * a few new leaves are sent without asking whether they are needed.
 */
import PouchDB from 'pouchdb-core';
import replicationPlugin from 'pouchdb-replication';
import type { KnownLeaves } from './known-leaves.js';
import type { Refusal, RegistryCentre } from './registry-centre.js';
import {
  type AskedRevisions,
  type ChangesPage,
  type LeafChange,
  type PeerCalls,
  ReplicationPeer,
} from './replication-peer.js';

PouchDB.plugin(replicationPlugin);

/** Leaves sent unasked: asking costs a round trip, sending one more than needed a few hundred bytes. */
const SENT_UNASKED = 8;
/** Documents in a request. */
export const BATCH = 100;

export interface ReplicationContext {
  local: PeerCalls;
  centre: RegistryCentre;
  known: KnownLeaves;
  /** Is told what the centre tells of. */
  told: KnownLeaves;
  batchSize: number;
  signal: AbortSignal;
}

/** A document by its leaves. */
export interface LeavesOf {
  id: string;
  revs: readonly string[];
}

/** What a replication from the centre came to. */
export interface Pulled {
  lastSeq: number | string;
  /** What could not be had, with the leaves asked for. */
  unfetched: Map<string, { reason: string; revs: string[] }>;
  /** Documents looked at and not among those. */
  whole: Set<string>;
}

/** Brings the centre's changes after `since`; `first` are those that it has told of already. Throws LinkError, AppError. */
export function pull(context: ReplicationContext, since: number | string, first?: ChangesPage): Promise<Pulled> {
  const { centre, known, told, signal } = context;
  let page = first;
  // A page that is not full was the last one: what comes later is waited for.
  const changes = pages(async (from, limit) => {
    const found = page ?? (await centre.changes(from, limit, signal));
    page = undefined;
    for (const { id, changes: leaves } of found.results) {
      for (const { rev } of leaves) {
        known.add(id, rev);
        told.add(id, rev);
      }
    }
    return found;
  });
  return pullPages(context, since, changes);
}

/** Asks for documents once more, by their leaves. */
export function pullAgain(context: ReplicationContext, documents: readonly LeavesOf[]): Promise<Pulled> {
  return pullPages(context, 0, once(documents));
}

async function pullPages(context: ReplicationContext, since: number | string, changes: PeerCalls['changes']) {
  const { local, centre, batchSize, signal } = context;
  const unfetched: Pulled['unfetched'] = new Map();
  const whole = new Set<string>();
  const source = new ReplicationPeer('centre', since, {
    ...refusing,
    async changes(from, limit) {
      const page = await changes(from, limit);
      for (const { id } of page.results) whole.add(id);
      return page;
    },
    async bulkGet(asked) {
      const { found, unfetched: failed } = await centre.bulkGet(asked, batchSize, signal);
      for (const [id, reason] of failed) {
        const revs = asked.docs.filter((one) => one.id === id).map(({ rev }) => rev);
        unfetched.set(id, { reason, revs });
        whole.delete(id);
      }
      return found;
    },
  });
  const target = new ReplicationPeer('here', since, {
    ...refusing,
    revsDiff: local.revsDiff,
    bulkDocs: local.bulkDocs,
  });
  const lastSeq = await replicate(source, target, { checkpoint: 'target', batch_size: batchSize });
  return { lastSeq, unfetched, whole };
}

/** Sends the changes after `since`. Throws LinkError, AppError. */
export async function push(
  context: ReplicationContext,
  since: number,
): Promise<{ lastSeq: number; refused: Map<string, Refusal & { revs: string[] }>; taken: Set<string> }> {
  return pushPages(context, since, context.local.changes);
}

/** Offers documents once more, by their leaves. */
export async function pushAgain(context: ReplicationContext, documents: readonly LeavesOf[]): ReturnType<typeof push> {
  for (const { id, revs } of documents) for (const rev of revs) context.known.delete(id, rev);
  return pushPages(context, 0, once(documents));
}

async function pushPages(context: ReplicationContext, since: number, changes: PeerCalls['changes']) {
  const { local, centre, known, signal } = context;
  const refused = new Map<string, Refusal & { revs: string[] }>();
  const taken = new Set<string>();
  const source = new ReplicationPeer('here', since, { ...refusing, changes, bulkGet: local.bulkGet });
  const target = new ReplicationPeer('centre', since, {
    ...refusing,
    async revsDiff(asked) {
      const unknown = known.without(asked);
      const count = Object.values(unknown).reduce((sum, revs) => sum + revs.length, 0);
      if (count <= SENT_UNASKED) return asMissing(unknown);
      const missing = await centre.revsDiff(unknown, signal);
      known.addHeld(unknown, missing);
      return missing;
    },
    async bulkDocs(leaves) {
      const refusals = await centre.bulkDocs(leaves, signal);
      for (const refusal of refusals) {
        const revs = leaves.filter(({ _id }) => _id === refusal.id).map(({ _rev }) => _rev);
        refused.set(refusal.id, { ...refusal, revs });
      }
      for (const { _id, _rev } of leaves) {
        if (refused.has(_id)) continue;
        known.add(_id, _rev);
        taken.add(_id);
      }
      return refusals.map(({ id, reason }) => ({ id, name: 'forbidden', error: 'forbidden', reason }));
    },
  });
  const lastSeq = Number(await replicate(source, target, { checkpoint: 'source', batch_size: context.batchSize }));
  return { lastSeq, refused, taken };
}

async function replicate(source: ReplicationPeer, target: ReplicationPeer, options: object): Promise<number | string> {
  try {
    return (await PouchDB.replicate(source, target, options)).last_seq;
  } catch (error) {
    throw source.failure ?? target.failure ?? error;
  }
}

/** Ends with the first page that is not full. */
function pages(read: PeerCalls['changes']): PeerCalls['changes'] {
  let last: ChangesPage | undefined;
  return async (since, limit) => {
    if (last && last.results.length < limit) return { results: [], last_seq: last.last_seq };
    last = await read(since, limit);
    return last;
  };
}

/** These, as if they had just been changed. */
function once(documents: readonly LeavesOf[]): PeerCalls['changes'] {
  const results = documents.map(({ id, revs }): LeafChange => ({ id, seq: 0, changes: revs.map((rev) => ({ rev })) }));
  let isRead = false;
  return async () => {
    const page = { results: isRead ? [] : results, last_seq: 0 };
    isRead = true;
    return page;
  };
}

function asMissing(asked: AskedRevisions): Record<string, { missing: string[] }> {
  return Object.fromEntries(Object.entries(asked).map(([id, missing]) => [id, { missing }]));
}

const refuse = () => Promise.reject(new Error('a replication asked what it does not need'));
const refusing: PeerCalls = { changes: refuse, revsDiff: refuse, bulkGet: refuse, bulkDocs: refuse };
