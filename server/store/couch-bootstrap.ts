/**
 * Prepares CouchDB for the centre. Idempotent: runs at every start, and whenever something turns out to be gone, from
 * several gateways at once.
 * Afterwards the databases exist, telemetry is partitioned by village and has the indexes that receipts and the readings of
 * each day are counted with, and neither is open to everybody. The feed of changed databases is there where it may be made.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../shared/app-error.js';
import type { CouchClient } from './couch-client.js';
import { ensureDayIndex } from './couch-days.js';
import { ensureReceiptIndex } from './couch-receipts.js';

export interface CouchIdentity {
  uuid: string;
  version: string;
}

interface Security {
  admins?: { names?: string[]; roles?: string[] };
  members?: { names?: string[]; roles?: string[] };
}

/**
 * Creates what is missing, and tells `onCreated` of each database it created. Throws `unavailable` while CouchDB cannot
 * be used, `not_configured` for a `telemetry` that is not partitioned.
 */
export async function bootstrapCouch(
  client: CouchClient,
  user: string | undefined,
  onCreated: (db: string) => void = () => undefined,
): Promise<CouchIdentity> {
  const { shards, copies } = client.placement;
  if ((copies ?? 1) > 1) await assertOneCluster(client);
  const { body: welcome } = await client.request<{ uuid: string; version: string }>({});
  const n = copies === undefined ? {} : { n: copies };
  const q = shards === undefined ? {} : { q: shards };
  if (await createDatabase(client, 'telemetry', { partitioned: true, ...q, ...n })) onCreated('telemetry');
  if (await createDatabase(client, 'villages', n)) onCreated('villages');
  const { body: info } = await client.request<{ props?: { partitioned?: boolean } }>({ db: 'telemetry' });
  if (info.props?.partitioned !== true) {
    throw new AppError(
      'not_configured',
      `the database ${client.prefix}telemetry at ${client.origin} is not partitioned; create it with ?partitioned=true`,
    );
  }
  for (const db of ['telemetry', 'villages']) await closeToStrangers(client, db, user);
  await ensureReceiptIndex(client);
  await ensureDayIndex(client);
  await ensureUpdatesFeed(client, n);
  return { uuid: identityOf(welcome.uuid, client.prefix), version: welcome.version };
}

const NOT_YET_ONE = new Set(['cluster_enabled', 'cluster_disabled']);
const RETRY_AFTER_S = 5;

/**
 * Nodes that are yet to be made one cluster have a uuid each, and would be different centres to a village. Who may not ask,
 * or asks what is no cluster, goes on. https://docs.couchdb.org/en/stable/api/server/common.html#cluster-setup
 */
async function assertOneCluster(client: CouchClient): Promise<void> {
  const { status, body } = await client.request<{ state?: string } | undefined>({
    ...{ path: '_cluster_setup', expected: [400, 401, 403, 404, 405, 500, 501] },
  });
  const state = status === 200 ? body?.state : undefined;
  if (state === undefined || !NOT_YET_ONE.has(state)) return;
  throw new AppError(
    'unavailable',
    `CouchDB at ${client.origin} is to keep copies on several nodes and is not set up as a cluster yet (${state})`,
    { retryAfterS: RETRY_AFTER_S },
  );
}

/** Two centres in one CouchDB are two databases to a replicator. */
function identityOf(uuid: string, prefix: string): string {
  return prefix === '' ? uuid : createHash('sha256').update(`${uuid}/${prefix}`).digest('hex').slice(0, 32);
}

/** `_db_updates` needs a database of its own; where it cannot be made, those who wait for changes do without. */
async function ensureUpdatesFeed(client: CouchClient, n: Record<string, unknown>): Promise<void> {
  const path = '_global_changes';
  await client.request({ path, method: 'PUT', qs: n, expected: [400, 401, 403, 404, 405, 412, 500, 501] });
}

/** True when it was not there. */
export async function createDatabase(client: CouchClient, db: string, qs: Record<string, unknown>): Promise<boolean> {
  const { status } = await client.request({ db, method: 'PUT', qs, expected: [401, 403, 412] });
  // Only a server's admin may create databases; where an operator has done it, the gateway's user need not be one.
  if (status === 401 || status === 403) await client.request({ db });
  return status < 300;
}

/** Lets in server admins and the gateway's user, and whomever else an operator has named. */
export async function closeToStrangers(client: CouchClient, db: string, user: string | undefined): Promise<void> {
  const { body: present } = await client.request<Security>({ db, path: '_security' });
  const names = user === undefined ? [] : [user];
  const members = [...(present.members?.names ?? []), ...(present.members?.roles ?? [])];
  const isClosed = members.length > 0 && names.every((name) => present.members?.names?.includes(name));
  if (isClosed) return;
  const withOurs = ({ names: named = [], roles = [] }: NonNullable<Security['members']> = {}) => ({
    names: [...new Set([...named, ...names])],
    roles: [...new Set([...roles, '_admin'])],
  });
  const body = { admins: withOurs(present.admins), members: withOurs(present.members) };
  await client.request({ db, path: '_security', method: 'PUT', body });
}
