/**
 * Prepares CouchDB for the centre. Idempotent: runs at every start, and whenever something turns out to be gone, from
 * several gateways at once.
 * Afterwards the databases exist, telemetry is partitioned by village and has the index receipts are counted with, and
 * neither is open to everybody.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../shared/app-error.js';
import type { CouchClient } from './couch-client.js';
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
  const { body: welcome } = await client.request<{ uuid: string; version: string }>({});
  const { shards, copies } = client.placement;
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
  return { uuid: identityOf(welcome.uuid, client.prefix), version: welcome.version };
}

/** Two centres in one CouchDB are two databases to a replicator. */
function identityOf(uuid: string, prefix: string): string {
  return prefix === '' ? uuid : createHash('sha256').update(`${uuid}/${prefix}`).digest('hex').slice(0, 32);
}

/** True when it was not there. */
async function createDatabase(client: CouchClient, db: string, qs: Record<string, unknown>): Promise<boolean> {
  const { status } = await client.request({ db, method: 'PUT', qs, expected: [401, 403, 412] });
  // Only a server's admin may create databases; where an operator has done it, the gateway's user need not be one.
  if (status === 401 || status === 403) await client.request({ db });
  return status < 300;
}

/** Lets in server admins and the gateway's user, and whomever else an operator has named. */
async function closeToStrangers(client: CouchClient, db: string, user: string | undefined): Promise<void> {
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
