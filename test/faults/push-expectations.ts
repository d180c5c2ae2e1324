/**
 * How a run of two attempts must end when one request of a push keeps going wrong.
 *
 * A checkpoint is an economy: an answer that refuses it fails nothing, and after a broken link the next attempt finds
 * everything delivered. Where the centre acted and its answer was lost, the next attempt finds the documents there. All
 * else fails the run, for nothing would be known.
 */
import type { LinkTag } from '../../edge/link/link-error.js';
import { type FaultCase, reachesCentre } from './fault-table.js';
import type { PushStep } from './push-steps.js';

/** `delivers`: everything, each document sent once. */
export type RunEnd = 'delivers' | 'fails';

export function endOf(step: PushStep, { fault, tag }: FaultCase): RunEnd {
  const isCheckpoint = step.title.includes('_local');
  if (isCheckpoint && !step.asPlainCouchDb) return 'delivers';
  // A plain CouchDB's checkpoint is wanted again by the next attempt, over the same broken link.
  if (step.isEconomy) return tag === 'HTTP_ERROR' ? 'delivers' : 'fails';
  return step.title.startsWith('POST _bulk_docs') && reachesCentre(fault) ? 'delivers' : 'fails';
}

export interface Expected {
  tag: LinkTag;
  status?: number;
}

/** `link.state` of the node's status after a run that failed. */
export function stateAfter({ title }: PushStep, { tag, status = 0 }: Expected): string {
  if (tag === 'TIMEOUT' || tag === 'CONNECTION_ERROR') return 'offline';
  if ([401, 403, 404, 409].includes(status)) return 'blocked';
  // Whoever is asked who it is and says nothing of a centre is something on the way.
  const isNoCentre = title === 'GET /' && (tag === 'REQUEST_ERROR' || status === 302);
  return isNoCentre ? 'offline' : 'online';
}
