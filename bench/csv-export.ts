/**
 * Row: a million readings at the centre, given to an analyst as CSV: when the first byte comes, how fast the rest, and the
 * memory of the centre meanwhile; and how soon it tells of a village so large which of its numbers are missing.
 */
import type { SimulatedCentre } from '../sim/centre.js';
import { waitFor } from '../sim/wait-for.js';
import { type CouchDb, couchdbUrl } from '../test/support/couchdb.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { LOADED_VILLAGE as VILLAGE, withLoadedCentre } from './support/loaded-centre.js';
import { residentMemory, sampleMemory } from './support/process-figures.js';

const SAMPLE_EVERY_MS = 100;
/** CouchDB indexes some thousand documents a second. */
const INDEXED_WITHIN_MS = 900_000;

interface Figures {
  firstByte: Figure;
  rate: Figure;
  peak: Figure;
  /** On the embedded store alone: a gateway maps no files. */
  resident?: Figure;
  villageCold: Figure;
  villageWarm: Figure;
}

function figuresOn(where: string, suffix: string): Figures {
  return {
    firstByte: {
      ...{ key: `csv-first-byte${suffix}`, unit: 's', digits: 2, targets: [atMost(1)] },
      what: `CSV of 1,000,000 readings of 500 meters from ${where}: until the first byte`,
    },
    rate: {
      ...{ key: `csv-rate${suffix}`, unit: 'readings/s', digits: 0, targets: [] },
      what: 'the same, whole',
    },
    peak: {
      ...{ key: `csv-peak${suffix}`, unit: 'MiB', digits: 0, targets: [atMost(256)] },
      what: 'the same, the most memory of its own the centre had meanwhile, beginning with a start',
    },
    villageCold: {
      ...{ key: `village-cold${suffix}`, unit: 's', digits: 2, targets: [] },
      what: `what is missing of a village of 1,000,000 documents in ${where}, first question after a start`,
    },
    villageWarm: {
      ...{ key: `village-warm${suffix}`, unit: 's', digits: 3, targets: [atMost(1)] },
      what: 'the same, asked again',
    },
  };
}

const EMBEDDED = {
  ...figuresOn('the embedded store', ''),
  resident: {
    ...{ key: 'csv-resident', unit: 'MiB', digits: 0, targets: [] },
    what: 'the same, with the table files that LevelDB maps, up to the whole store',
  },
};
const COUCHDB: Figures = figuresOn('CouchDB', '-couchdb');

export const csvExport: Row = {
  name: 'csv-export',
  once: true,
  figures: [
    ...[
      EMBEDDED.firstByte,
      EMBEDDED.rate,
      EMBEDDED.peak,
      EMBEDDED.resident,
      EMBEDDED.villageCold,
      EMBEDDED.villageWarm,
    ],
    ...[COUCHDB.firstByte, COUCHDB.rate, COUCHDB.peak, COUCHDB.villageCold, COUCHDB.villageWarm],
  ],
  async measure(context) {
    const measured = await measureOn(context, EMBEDDED, undefined);
    const couchdb = couchdbUrl();
    if (couchdb) return [...measured, ...(await measureOn(context, COUCHDB, couchdb))];
    context.say('csv-export: a CouchDB is not measured, COUCHDB_URL names none');
    return measured;
  },
};

function measureOn(context: RunContext, figures: Figures, couchdb: CouchDb | undefined): Promise<Measured[]> {
  const readings = context.small ? 5_000 : 1_000_000;
  return withLoadedCentre(context, couchdb, async ({ centre, load }) => {
    const startMs = performance.now();
    await load(readings);
    const perSecond = readings / ((performance.now() - startMs) / 1000);
    context.say(`csv-export: loaded at ${Math.round(perSecond).toLocaleString('en-US')} documents/s`);
    // An index that is still being built would be measured along with everything else.
    if (couchdb) {
      await waitFor(async () => (await heldIn(centre)) === readings, {
        ...{ what: 'the index of numbers', timeoutMs: INDEXED_WITHIN_MS, intervalMs: 1_000, signal: context.signal },
      });
    }
    // Begun anew, so that the memory the load took is not counted.
    await centre.stop();
    await centre.start();
    const exported = await measureExport(context, figures, centre, readings);
    return [...exported, ...(await measureVillage(figures, centre, readings))];
  });
}

async function measureExport(
  context: RunContext,
  { firstByte, rate, peak, resident }: Figures,
  centre: SimulatedCentre,
  readings: number,
): Promise<Measured[]> {
  const { pid } = centre.process;
  if (pid === undefined) throw new Error('the centre does not run');
  let sampledMiB = 0;
  const endSampling = sampleMemory(pid, SAMPLE_EVERY_MS, ({ ownMiB }) => {
    sampledMiB = Math.max(sampledMiB, ownMiB);
  });
  const startMs = performance.now();
  const response = await centre.analyst.fetch(`/v1/villages/${VILLAGE}/readings?format=csv`);
  let firstByteMs = Number.NaN;
  let lines = 0;
  for await (const chunk of response.body ?? []) {
    if (Number.isNaN(firstByteMs)) firstByteMs = performance.now() - startMs;
    for (const byte of chunk as Uint8Array) if (byte === 0x0a) lines++;
  }
  const wholeMs = performance.now() - startMs;
  await endSampling();
  if (lines !== readings + 1) throw new Error(`the file has ${lines} lines where ${readings} readings were stored`);
  const memory = await residentMemory(pid);
  const figures: Measured[] = [
    { figure: firstByte, ours: firstByteMs / 1000 },
    { figure: rate, ours: readings / (wholeMs / 1000) },
  ];
  if (!memory) {
    context.say('csv-export: memory is not measured, this system does not tell it (/proc/<pid>/status)');
    return figures;
  }
  figures.push({ figure: peak, ours: sampledMiB });
  if (resident) figures.push({ figure: resident, ours: memory.peakMiB });
  return figures;
}

async function measureVillage(
  { villageCold, villageWarm }: Figures,
  centre: SimulatedCentre,
  readings: number,
): Promise<Measured[]> {
  const figures: Measured[] = [];
  for (const figure of [villageCold, villageWarm]) {
    const startMs = performance.now();
    const held = await heldIn(centre);
    if (held !== readings) throw new Error(`the village is said to have ${held} documents`);
    figures.push({ figure, ours: (performance.now() - startMs) / 1000 });
  }
  return figures;
}

/** Documents the centre says the village has; undefined while it cannot tell. */
async function heldIn(centre: SimulatedCentre): Promise<number | undefined> {
  const { numbers } = await centre.analyst.json<{ numbers?: { held: number } }>(`/v1/villages/${VILLAGE}`);
  return numbers?.held;
}
