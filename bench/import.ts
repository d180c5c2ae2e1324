/**
 * Row: a durable import as NDJSON through the REST endpoint into a segment that holds 200,000 documents already,
 * duplicates checked, against `bulkDocs` of the same documents ready-made into a synced PouchDB that holds as many.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ImportLoad, ImportResult } from './load/import.js';
import type { BulkDocsLoad, BulkDocsResult } from './peers/bulk-docs.js';
import { atLeast, atLeastOfPeer, type Figure, inTurn, type Measured, type Row, type RunContext } from './row.js';
import { assertStored, type BenchNode, withNode } from './support/bench-node.js';
import { type FleetPlan, VILLAGE_FLEET } from './support/readings.js';
import { runTask } from './support/task.js';

const LOAD = new URL('./load/import.js', import.meta.url);
const PEER = new URL('./peers/bulk-docs.js', import.meta.url);
const PER_REQUEST = 2_000;
const IN_FLIGHT = 2;
const GROUP = 500;
/** Between the heartbeats that are held already, so that each id must be looked up. */
const LATE_FLEET: FleetPlan = { ...VILLAGE_FLEET, startAtMs: VILLAGE_FLEET.startAtMs + 420_000 };

const common = { unit: 'documents/s', digits: 0 } as const;
const IMPORT: Figure = {
  ...common,
  key: 'import',
  what: `durable import, ${PER_REQUEST.toLocaleString('en-US')} a request, ${IN_FLIGHT} requests in flight`,
  peer: `bulkDocs, groups of ${GROUP}`,
  targets: [atLeast(20_000), atLeastOfPeer(0.8)],
};
const IMPORT_REVISIONS: Figure = {
  ...common,
  key: 'import-revisions',
  what: 'the same',
  peer: 'bulkDocs with revisions given',
  targets: [],
};
const LATE: Figure = {
  ...common,
  key: 'import-late',
  what: 'the same, late data: devices and times in random order',
  peer: 'bulkDocs of the same',
  targets: [],
};
const DUPLICATES: Figure = {
  ...common,
  key: 'import-duplicates',
  what: 'the same, everything stored already',
  targets: [],
};

interface Rates {
  perSecond: number;
  latePerSecond: number;
  duplicatesPerSecond: number;
}

export const importRow: Row = {
  name: 'import',
  figures: [IMPORT, IMPORT_REVISIONS, LATE, DUPLICATES],
  async measure(context) {
    // Where the time goes is asked of ours alone.
    if (context.profileFolder !== undefined) return measuredOf(await measureOurs(context));
    const { ours, peer } = await inTurn(
      context,
      () => measureOurs(context),
      async () => ({ plain: await measurePeer(context, false), given: await measurePeer(context, true) }),
    );
    return [
      { figure: IMPORT, ours: ours.perSecond, peer: peer.plain.perSecond },
      { figure: IMPORT_REVISIONS, ours: ours.perSecond, peer: peer.given.perSecond },
      { figure: LATE, ours: ours.latePerSecond, peer: peer.plain.latePerSecond },
      { figure: DUPLICATES, ours: ours.duplicatesPerSecond },
    ];
  },
};

function measuredOf({ perSecond, latePerSecond, duplicatesPerSecond }: Rates): Measured[] {
  return [
    { figure: IMPORT, ours: perSecond },
    { figure: LATE, ours: latePerSecond },
    { figure: DUPLICATES, ours: duplicatesPerSecond },
  ];
}

function measureOurs(context: RunContext): Promise<Rates> {
  const { held, documents } = sizeOf(context);
  return withNode(context, { SEGMENT_MAX_DOCS: '10000000' }, async (node) => {
    await load(context, node, { from: 0, readings: held }, 'accepted');
    const timed = { from: held, readings: documents };
    const { perSecond } = await load(context, node, timed, 'accepted');
    const late = await load(
      context,
      node,
      { plan: LATE_FLEET, from: 0, readings: documents, shuffled: true },
      'accepted',
    );
    const again = await load(context, node, timed, 'duplicates');
    await assertStored(node, held + 2 * documents);
    return { perSecond, latePerSecond: late.perSecond, duplicatesPerSecond: again.perSecond };
  });
}

async function load(
  context: RunContext,
  node: BenchNode,
  part: Partial<ImportLoad> & { from: number; readings: number },
  expected: 'accepted' | 'duplicates',
): Promise<ImportResult> {
  const input: ImportLoad = {
    url: `${node.url}/v1/readings`,
    plan: VILLAGE_FLEET,
    perRequest: PER_REQUEST,
    inFlight: IN_FLIGHT,
    shuffled: false,
    prepared: true,
    ...part,
  };
  const result = await runTask<ImportLoad, ImportResult>(LOAD, input, context.signal);
  if (result[expected] !== part.readings) {
    throw new Error(`${result[expected]} of ${part.readings} readings were ${expected}`);
  }
  return result;
}

async function measurePeer(context: RunContext, revisionsGiven: boolean): Promise<BulkDocsResult> {
  const folder = await mkdtemp(path.join(context.folder, 'bulk-docs-'));
  const input: BulkDocsLoad = {
    folder: path.join(folder, 'database'),
    plan: VILLAGE_FLEET,
    latePlan: LATE_FLEET,
    ...sizeOf(context),
    group: GROUP,
    revisionsGiven,
  };
  try {
    return await runTask<BulkDocsLoad, BulkDocsResult>(PEER, input, context.signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sizeOf({ small }: RunContext): { held: number; documents: number } {
  return small ? { held: 2_000, documents: 2_000 } : { held: 200_000, documents: 100_000 };
}
