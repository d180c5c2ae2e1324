/** The parameters of `_changes`, read the way replicators write them. */
import { AppError } from '../../shared/app-error.js';
import type { ChangePosition } from '../store/registry-contract.js';

export interface ChangesQuery {
  since: ChangePosition | 'now' | undefined;
  /** From 1. */
  limit: number | undefined;
  includeDocs: boolean;
  /** Absent where the answer is wanted at once. */
  wait?: { timeoutMs: number; heartbeatMs: number | undefined };
}

const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_TIMEOUT_MS = 600_000;
const LEAST_HEARTBEAT_MS = 10_000;
/** What `heartbeat=true` means to CouchDB. */
const DEFAULT_HEARTBEAT_MS = 60_000;

/** A number, or a number and what a CouchDB knows of its shards. */
const POSITION = /^\d{1,15}(-[A-Za-z0-9_-]{1,4096})?$/;
const NUMBER = /^\d{1,15}$/;
const FILTERS = ['filter', 'view', 'doc_ids', 'selector'] as const;

/** Throws `invalid_request` for what is not possible here; parameters that change nothing are passed over. */
export function parseChangesQuery(query: Record<string, unknown>): ChangesQuery {
  const filter = FILTERS.find((name) => query[name] !== undefined);
  if (filter !== undefined) {
    throw new AppError('invalid_request', `${filter} is not possible here: a registry is replicated whole`);
  }
  if (text(query, 'descending') === 'true') throw new AppError('invalid_request', 'descending is not possible here');
  const feed = text(query, 'feed') ?? 'normal';
  if (feed !== 'normal' && feed !== 'longpoll') {
    throw new AppError('invalid_request', 'feed must be normal or longpoll');
  }
  const limit = number(query, 'limit');
  return {
    since: sinceOf(text(query, 'since')),
    // CouchDB takes none for one.
    limit: limit === undefined ? undefined : Math.max(limit, 1),
    includeDocs: text(query, 'include_docs') === 'true',
    ...(feed === 'longpoll' ? { wait: { timeoutMs: timeoutOf(query), heartbeatMs: heartbeatOf(query) } } : {}),
  };
}

function sinceOf(since: string | undefined): ChangesQuery['since'] {
  // CouchDB's replicator sends it as JSON.
  const position = since?.replace(/^"(.*)"$/, '$1');
  if (position === undefined || position === '0' || position === '') return undefined;
  if (position === 'now') return position;
  if (POSITION.test(position)) return position;
  throw new AppError('invalid_request', 'since is not a position this database gave');
}

function timeoutOf(query: Record<string, unknown>): number {
  return Math.min(number(query, 'timeout') ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS);
}

function heartbeatOf(query: Record<string, unknown>): number | undefined {
  const asked = text(query, 'heartbeat');
  if (asked === undefined || asked === 'false') return undefined;
  const everyMs = asked === 'true' ? DEFAULT_HEARTBEAT_MS : (number(query, 'heartbeat') ?? DEFAULT_HEARTBEAT_MS);
  return Math.min(Math.max(everyMs, LEAST_HEARTBEAT_MS), MAX_TIMEOUT_MS);
}

function number(query: Record<string, unknown>, name: string): number | undefined {
  const asked = text(query, name);
  if (asked === undefined) return undefined;
  if (NUMBER.test(asked)) return Number(asked);
  throw new AppError('invalid_request', `${name} must be a whole number`);
}

function text(query: Record<string, unknown>, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new AppError('invalid_request', `${name} is given more than once`);
}
