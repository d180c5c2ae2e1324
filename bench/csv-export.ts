/**
 * Row: a million readings at the centre, given to an analyst as CSV: when the first byte comes, how fast the rest, and the
 * memory of the centre meanwhile; and how soon it tells of a village so large which of its numbers are missing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { SimulatedCentre } from '../sim/centre.js';
import { freePort } from '../sim/ports.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { residentMemory, sampleMemory } from './support/process-figures.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from './support/readings.js';

const VILLAGE = 'bench';
const BATCH = 2_000;
const IN_FLIGHT = 2;
const SAMPLE_EVERY_MS = 100;

const FIRST_BYTE: Figure = {
  ...{ key: 'csv-first-byte', unit: 's', digits: 2 },
  what: 'CSV of 1,000,000 readings of 500 meters from the embedded store: until the first byte',
  targets: [atMost(1)],
};
const RATE: Figure = {
  ...{ key: 'csv-rate', unit: 'readings/s', digits: 0, targets: [] },
  what: 'the same, whole',
};
const PEAK: Figure = {
  ...{ key: 'csv-peak', unit: 'MiB', digits: 0, targets: [atMost(256)] },
  what: 'the same, the most memory of its own the centre had meanwhile, beginning with a start',
};
const RESIDENT: Figure = {
  ...{ key: 'csv-resident', unit: 'MiB', digits: 0, targets: [] },
  what: 'the same, with the table files that LevelDB maps, up to the whole store',
};
const VILLAGE_COLD: Figure = {
  ...{ key: 'village-cold', unit: 's', digits: 2, targets: [] },
  what: 'what is missing of a village of 1,000,000 documents, first question after a start',
};
const VILLAGE_WARM: Figure = {
  ...{ key: 'village-warm', unit: 's', digits: 3, targets: [atMost(1)] },
  what: 'the same, asked again',
};

export const csvExport: Row = {
  name: 'csv-export',
  once: true,
  figures: [FIRST_BYTE, RATE, PEAK, RESIDENT, VILLAGE_COLD, VILLAGE_WARM],
  async measure(context) {
    const readings = context.small ? 20_000 : 1_000_000;
    const dataPath = await mkdtemp(path.join(context.folder, 'centre-'));
    const port = await freePort();
    const centre = new SimulatedCentre({ port, dataPath, env: { LOG_LEVEL: 'error' } });
    try {
      await centre.start();
      await load(context, centre, readings);
      // Begun anew, so that the memory the load took is not counted.
      await centre.stop();
      await centre.start();
      const exported = await measureExport(context, centre, readings);
      const villages = await measureVillage(centre, readings);
      await centre.stop();
      return [...exported, ...villages];
    } finally {
      await centre.process.kill('SIGKILL');
      await rm(dataPath, { recursive: true, force: true });
    }
  },
};

async function load(context: RunContext, centre: SimulatedCentre, readings: number): Promise<void> {
  const password = await centre.addVillage(VILLAGE);
  const headers = {
    Authorization: `Basic ${Buffer.from(`${VILLAGE}:${password}`).toString('base64')}`,
    'Content-Type': 'application/json',
  };
  const startMs = performance.now();
  let next = 0;
  const work = async () => {
    while (next < readings) {
      context.signal.throwIfAborted();
      const from = next;
      next += BATCH;
      const batch = [...fleetReadings(VILLAGE_FLEET, from, Math.min(BATCH, readings - from))];
      const docs = batch.map((reading, n) => storedDocument(reading, from + n + 1));
      const body = JSON.stringify({ docs, new_edits: false });
      const response = await fetch(`${centre.url}/telemetry/_bulk_docs`, { method: 'POST', headers, body });
      const answer = await response.text();
      if (response.status !== 201 || answer.trim() !== '[]')
        throw new Error(`a write answered ${response.status}: ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const perSecond = readings / ((performance.now() - startMs) / 1000);
  context.say(`csv-export: loaded at ${Math.round(perSecond).toLocaleString('en-US')} documents/s`);
}

async function measureExport(context: RunContext, centre: SimulatedCentre, readings: number): Promise<Measured[]> {
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
    { figure: FIRST_BYTE, ours: firstByteMs / 1000 },
    { figure: RATE, ours: readings / (wholeMs / 1000) },
  ];
  if (!memory) {
    context.say('csv-export: memory is not measured, this system does not tell it (/proc/<pid>/status)');
    return figures;
  }
  return [...figures, { figure: PEAK, ours: sampledMiB }, { figure: RESIDENT, ours: memory.peakMiB }];
}

async function measureVillage(centre: SimulatedCentre, readings: number): Promise<Measured[]> {
  const figures: Measured[] = [];
  for (const figure of [VILLAGE_COLD, VILLAGE_WARM]) {
    const startMs = performance.now();
    const { numbers } = await centre.analyst.json<{ numbers?: { held: number } }>(`/v1/villages/${VILLAGE}`);
    if (numbers?.held !== readings) throw new Error(`the village is said to have ${numbers?.held} documents`);
    figures.push({ figure, ours: (performance.now() - startMs) / 1000 });
  }
  return figures;
}
