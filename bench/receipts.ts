/**
 * Row: a receipt for 200,000 numbers of one node that has 250,000 documents at the centre, asked over HTTP as the village
 * asks, on either store: with a warm index, and as the first question after 1,000 further documents.
 *
 * The peer knows no index: it asks whether the same documents are there, by id and revision, which is the protocol's own
 * way to tell.
 */
import { addToReceipt, EMPTY_RECEIPT, isReceipt, type Receipt } from '../shared/receipt.js';
import { waitFor } from '../sim/wait-for.js';
import { type CouchDb, couchdbUrl } from '../test/support/couchdb.js';
import { atMost, type Figure, inTurn, type Measured, type Row, type RunContext } from './row.js';
import { type LoadedCentre, type LoadedDocument, withLoadedCentre } from './support/loaded-centre.js';
import { median } from './support/statistics.js';

const NODE = 'peer00';
const QUESTIONS = 9;
const FURTHER = 1_000;
/** A new index over everything, in which nobody else has an interest. */
const INDEXED_WITHIN_MS = 900_000;
const PEER_BATCH = 1_000;
const PEER_SHARE = 0.1;

interface Sizes {
  held: number;
  range: number;
}

const FULL: Sizes = { held: 250_000, range: 200_000 };
const SMALL: Sizes = { held: 4_000, range: 3_000 };

const peer = '_revs_diff of the same documents, scaled from a tenth';

function figuresOn(store: 'embedded' | 'couchdb', maxMs: number): { warm: Figure; further: Figure } {
  const where = store === 'couchdb' ? 'CouchDB' : 'the embedded store';
  const [key, asked] = [`receipt-${store}`, `${FULL.range.toLocaleString('en-US')} of a node's numbers`];
  return {
    warm: {
      ...{ key, unit: 'ms', digits: 1, peer, targets: [atMost(maxMs)] },
      what: `a receipt for ${asked} on ${where}, index warm`,
    },
    further: {
      ...{ key: `${key}-further`, unit: 'ms', digits: 1, targets: [] },
      what: `the same on ${where}, the first after ${FURTHER.toLocaleString('en-US')} further documents`,
    },
  };
}

const EMBEDDED = figuresOn('embedded', 1_000);
const COUCHDB = figuresOn('couchdb', 100);

export const receipts: Row = {
  name: 'receipts',
  once: true,
  figures: [EMBEDDED.warm, EMBEDDED.further, COUCHDB.warm, COUCHDB.further],
  async measure(context) {
    const sizes = context.small ? SMALL : FULL;
    const measured = await measureOn(context, sizes, EMBEDDED, undefined);
    const couchdb = couchdbUrl();
    if (couchdb) return [...measured, ...(await measureOn(context, sizes, COUCHDB, couchdb))];
    context.say('receipts: those of a CouchDB are not measured, COUCHDB_URL names none');
    return measured;
  },
};

function measureOn(
  context: RunContext,
  { held, range }: Sizes,
  figures: typeof EMBEDDED,
  couchdb: CouchDb | undefined,
): Promise<Measured[]> {
  return withLoadedCentre(context, couchdb, async (loaded) => {
    const documents = await loaded.load(held);
    await waitFor(() => untilTold(loaded, 1, range), {
      ...{ what: 'the index of numbers', timeoutMs: INDEXED_WITHIN_MS, intervalMs: 500, signal: context.signal },
    });
    const warm = await inTurn(
      context,
      async () => {
        const times: number[] = [];
        for (let n = 0; n < QUESTIONS; n++) {
          const from = 1 + Math.floor((n * (held - range)) / (QUESTIONS - 1));
          times.push(await timed(loaded, documents, from, from + range - 1));
        }
        return median(times);
      },
      () => withoutIndex(loaded, couchdb, documents.slice(0, range)),
    );
    const further: number[] = [];
    for (let n = 0; n < 3; n++) {
      for (const document of await loaded.load(FURTHER)) documents.push(document);
      further.push(await timed(loaded, documents, documents.length - range + 1, documents.length));
    }
    return [
      { figure: figures.warm, ours: warm.ours, peer: warm.peer },
      { figure: figures.further, ours: median(further) },
    ];
  });
}

/** Milliseconds until the receipt is there; fails unless it tells of exactly these documents. */
async function timed(
  loaded: LoadedCentre,
  documents: readonly LoadedDocument[],
  from: number,
  to: number,
): Promise<number> {
  const expected = documents.slice(from - 1, to).reduce((sum, { rev }) => addToReceipt(sum, rev), EMPTY_RECEIPT);
  const startMs = performance.now();
  const receipt = await ask(loaded, from, to);
  const elapsedMs = performance.now() - startMs;
  if (receipt?.count !== expected.count || receipt.checksum !== expected.checksum) {
    throw new Error(`the receipt of ${from} to ${to} is ${JSON.stringify(receipt)}, not ${JSON.stringify(expected)}`);
  }
  return elapsedMs;
}

async function untilTold(loaded: LoadedCentre, from: number, to: number): Promise<boolean> {
  return (await ask(loaded, from, to)) !== undefined;
}

/** Undefined while the centre cannot tell. */
async function ask({ centre, headers }: LoadedCentre, from: number, to: number): Promise<Receipt | undefined> {
  const response = await fetch(`${centre.url}/telemetry/_receipt?node=${NODE}&from=${from}&to=${to}`, { headers });
  const answer: unknown = await response.json();
  if (response.status === 503) return undefined;
  if (!response.ok || !isReceipt(answer)) throw new Error(`a receipt answered ${response.status}`);
  return answer;
}

/** Milliseconds to ask for all these documents, from a tenth of them; a CouchDB is asked without the gateway. */
async function withoutIndex(
  { centre, headers, database }: LoadedCentre,
  couchdb: CouchDb | undefined,
  documents: readonly LoadedDocument[],
): Promise<number> {
  const url = couchdb ? `${couchdb.url}/${database}/_revs_diff` : `${centre.url}/telemetry/_revs_diff`;
  const login = couchdb && Buffer.from(`${couchdb.user}:${couchdb.password}`).toString('base64');
  const asked = { ...headers, ...(login === undefined ? {} : { Authorization: `Basic ${login}` }) };
  const share = documents.slice(0, Math.ceil(documents.length * PEER_SHARE));
  const bodies: string[] = [];
  for (let from = 0; from < share.length; from += PEER_BATCH) {
    const batch = share.slice(from, from + PEER_BATCH);
    bodies.push(JSON.stringify(Object.fromEntries(batch.map(({ id, rev }) => [id, [rev]]))));
  }
  const startMs = performance.now();
  for (const body of bodies) {
    const response = await fetch(url, { method: 'POST', headers: asked, body });
    const missing = Object.keys((await response.json()) as object).length;
    if (!response.ok || missing > 0) throw new Error(`_revs_diff answered ${response.status}, ${missing} missing`);
  }
  return ((performance.now() - startMs) * documents.length) / share.length;
}
