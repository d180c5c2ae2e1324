/**
 * Receipts of a CouchDB: counted by a view of its own over node and number, with the built-in `_sum`. Every query has the
 * view brought up to date first, so that it covers whatever was acknowledged before.
 *
 * A view that is far behind (a new one over years of documents) is not waited for: CouchDB goes on building it when the
 * query has been given up, and keeps what it has built.
 */
import { AppError, messageOf } from '../../shared/app-error.js';
import { EMPTY_RECEIPT, type Receipt } from '../../shared/receipt.js';
import { type CouchClient, notCouch } from './couch-client.js';
import { ensureDesign } from './couch-design.js';
import { type CouchSetup, GoneFromCouch } from './couch-setup.js';

const DB = 'telemetry';
/** Another definition gets another name: gateways of two versions must not take turns replacing each other's index. */
export const DESIGN = '_design/receipts-1';
export const VIEW = 'numbers';
/** Below the time a node waits for an answer. */
const DEADLINE_MS = 8_000;
/** With what asking takes, below that time too. */
const SETUP_WAIT_MS = 4_000;
const RETRY_AFTER_S = 10;
const HALF = 65_536;

/**
 * One row per document that has a number: how many it is, and the two halves of what it adds to the checksum, whose sums
 * stay exact however many there are. In JavaScript as old as CouchDB's engines.
 */
const MAP = `function (doc) {
  if (typeof doc.node !== 'string' || typeof doc.seq !== 'number') return;
  var start = doc._rev.indexOf('-') + 1;
  var value = parseInt(doc._rev.slice(start, start + 8), 16);
  emit([doc.node, doc.seq], [1, Math.floor(value / ${HALF}), value % ${HALF}]);
}`;

const DEFINITION = {
  language: 'javascript',
  options: { partitioned: true },
  views: { [VIEW]: { map: MAP, reduce: '_sum' } },
};

export function ensureReceiptIndex(client: CouchClient): Promise<void> {
  return ensureDesign(client, DB, DESIGN, DEFINITION);
}

interface ViewAnswer {
  rows?: { value?: unknown }[];
}

interface Asked {
  village: string;
  node: string;
  from: number;
  to: number;
  /** Aborted when nobody waits for the receipt any more. */
  signal?: AbortSignal | undefined;
}

/**
 * Throws `unavailable` while CouchDB cannot tell, or not in time. Where the view or the database is gone, `setup` makes it
 * again and is waited for: a node that gets no receipt leaves its proof to another day.
 */
export async function couchReceipt(client: CouchClient, setup: CouchSetup, asked: Asked): Promise<Receipt> {
  try {
    return await askView(client, setup, asked);
  } catch (error) {
    if (!(error instanceof GoneFromCouch)) throw cannotTell(error);
  }
  await setup.settled(SETUP_WAIT_MS);
  return askView(client, setup, asked).catch((error) => {
    throw cannotTell(error);
  });
}

async function askView(client: CouchClient, setup: CouchSetup, asked: Asked): Promise<Receipt> {
  const { village, node, from, to, signal } = asked;
  const { status, body } = await client.request<ViewAnswer>({
    db: DB,
    path: `_partition/${encodeURIComponent(village)}/${DESIGN}/_view/${VIEW}`,
    qs: { start_key: [node, from], end_key: [node, to], reduce: true, update: true },
    expected: [404],
    deadlineMs: DEADLINE_MS,
    signal,
  });
  if (status === 404) throw setup.again(DESIGN);
  const rows = body?.rows;
  if (!Array.isArray(rows) || rows.length > 1) throw notCouch(RETRY_AFTER_S);
  return rows[0] === undefined ? EMPTY_RECEIPT : receiptOf(rows[0].value);
}

function cannotTell(cause: unknown): AppError {
  if (cause instanceof GoneFromCouch) return cause;
  const told = 'receipts cannot be given now (a new index may still be building)';
  return new AppError('unavailable', `${told}: ${messageOf(cause)}`, { retryAfterS: RETRY_AFTER_S, told, cause });
}

function receiptOf(value: unknown): Receipt {
  const [count, high, low] = Array.isArray(value) ? value : [];
  const isSum = [count, high, low].every((one) => Number.isSafeInteger(one) && one >= 0);
  if (!isSum) throw notCouch(RETRY_AFTER_S);
  const checksum = Number((BigInt(high) * BigInt(HALF) + BigInt(low)) % 2n ** 53n);
  return { count, checksum };
}
