/**
 * The ids of the documents with a village's highest numbers, as the view of the receipts has them now: almost always the
 * newest document of each device is among them. A hint alone: nothing is known to be missing from it, and where CouchDB
 * cannot tell it at once there is none.
 */
import type { CouchClient } from './couch-client.js';
import { DESIGN, VIEW } from './couch-receipts.js';

const DB = 'telemetry';
/** Some 100 kB of answer. */
const MAX_IDS = 1_000;
/** A node replaced is a new node: few villages have had more than one or two. */
const MAX_NODES = 20;
const DEADLINE_MS = 1_000;
/** The index is not brought up to date for a hint. */
const AS_IT_IS = { update: false };

interface Rows {
  rows?: { id?: unknown; key?: unknown }[];
}

/** In no particular order; never rejects. */
export async function newestIds(client: CouchClient, village: string): Promise<string[]> {
  const path = `_partition/${encodeURIComponent(village)}/${DESIGN}/_view/${VIEW}`;
  const asked = { db: DB, expected: [404], deadlineMs: DEADLINE_MS };
  try {
    const nodes = await client.request<Rows>({ ...asked, path, qs: { group_level: 1, ...AS_IT_IS } });
    const names = rowsOf(nodes.body).flatMap(({ key }) => (Array.isArray(key) ? [String(key[0])] : []));
    if (names.length === 0 || names.length > MAX_NODES) return [];
    const limit = Math.ceil(MAX_IDS / names.length);
    const queries = names.map((node) => ({
      ...{ start_key: [node, {}], end_key: [node], descending: true, reduce: false, limit },
    }));
    const newest = await client.request<{ results?: Rows[] }>({
      ...{ ...asked, path: `${path}/queries`, qs: AS_IT_IS, method: 'POST', body: { queries } },
    });
    return (newest.body.results ?? []).flatMap(rowsOf).flatMap(({ id }) => (typeof id === 'string' ? [id] : []));
  } catch {
    return [];
  }
}

function rowsOf(answer: Rows | undefined) {
  return Array.isArray(answer?.rows) ? answer.rows : [];
}
