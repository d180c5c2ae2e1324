/**
 * Rows: a million documents in 50 segments: disk per document once sealed, memory while importing and at rest, and the
 * time to start after SIGKILL and to stop. One store serves all of them; it is made anew in each run.
 */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { sleep } from '../shared/time.js';
import type { ImportLoad, ImportResult } from './load/import.js';
import { atMost, type Figure, type Measured, type Row, type RunContext } from './row.js';
import { assertStored, type BenchNode, withNode } from './support/bench-node.js';
import { residentMemory, sampleMemory } from './support/process-figures.js';
import { VILLAGE_FLEET } from './support/readings.js';
import { runTask } from './support/task.js';

const LOAD = new URL('./load/import.js', import.meta.url);
const SAMPLE_EVERY_MS = 200;

const DISK: Figure = {
  key: 'sealed-bytes',
  what: 'disk per 12-field reading, sealed',
  unit: 'bytes',
  digits: 0,
  targets: [atMost(420)],
};
const memory = { unit: 'MiB', digits: 0 } as const;
const PEAK: Figure = {
  ...memory,
  key: 'memory-importing',
  what: 'memory while importing a million documents, peak',
  targets: [atMost(192)],
};
const AFTER_IMPORT: Figure = {
  ...memory,
  key: 'memory-after-import',
  what: 'memory at rest, a minute after the import',
  targets: [atMost(128)],
};
const AFTER_START: Figure = {
  ...memory,
  key: 'memory-after-start',
  what: 'memory at rest, after a restart',
  targets: [atMost(128)],
};
const time = { unit: 's', digits: 2 } as const;
const START: Figure = { ...time, key: 'start', what: 'start after SIGKILL, a million documents', targets: [atMost(5)] };
const STOP: Figure = { ...time, key: 'stop', what: 'stop, a million documents', targets: [] };

export const million: Row = {
  name: 'million',
  figures: [DISK, PEAK, AFTER_IMPORT, AFTER_START, START, STOP],
  measure(context) {
    const { documents, segments, restMs } = sizeOf(context);
    const settings = { SEGMENT_MAX_DOCS: String(documents / segments) };
    return withNode(context, settings, async (node) => {
      const importing = await importAll(context, node, documents);
      await sleep(restMs, context.signal);
      const rest = await memoryFigure(context, AFTER_IMPORT, node);
      // Before the restart, which would pack once more what it opens.
      const disk = { figure: DISK, ours: await sealedBytes(node.folder, documents / segments) };
      const starting = await killAndStart(context, node, documents);
      await sleep(restMs, context.signal);
      const restarted = await memoryFigure(context, AFTER_START, node);
      const stopping = await stopTime(node);
      return [disk, ...importing, ...rest, ...restarted, starting, stopping];
    });
  },
};

async function importAll(context: RunContext, node: BenchNode, documents: number): Promise<Measured[]> {
  let sampledMiB = 0;
  const endSampling = sampleMemory(node.pid(), SAMPLE_EVERY_MS, ({ residentMiB }) => {
    sampledMiB = Math.max(sampledMiB, residentMiB);
  });
  try {
    const { perSecond } = await load(context, node, 0, documents);
    context.say(`million: imported at ${Math.round(perSecond).toLocaleString('en-US')} documents/s`);
  } finally {
    await endSampling();
  }
  await assertStored(node, documents);
  const final = await residentMemory(node.pid());
  if (!final) {
    context.say('million: memory is not measured, this system does not tell it (/proc/<pid>/status)');
    return [];
  }
  context.say(`million: peak ${final.peakMiB.toFixed(0)} MiB, ${sampledMiB.toFixed(0)} as sampled`);
  // The kernel's own high-water mark: samples can miss a peak, it cannot.
  return [{ figure: PEAK, ours: Math.max(final.peakMiB, sampledMiB) }];
}

async function memoryFigure(context: RunContext, figure: Figure, node: BenchNode): Promise<Measured[]> {
  const found = await residentMemory(node.pid());
  if (!found) return [];
  const { residentMiB, ownMiB } = found;
  context.say(`million: ${figure.what}: ${residentMiB.toFixed(0)} MiB, of these ${ownMiB.toFixed(0)} not from files`);
  return [{ figure, ours: residentMiB }];
}

/** Killed right behind the last acknowledgement, so that LevelDB's log is as full as it happens to be. */
async function killAndStart(context: RunContext, node: BenchNode, documents: number): Promise<Measured> {
  const more = documents / 100;
  await load(context, node, documents, more);
  await node.process.kill('SIGKILL');
  const startMs = performance.now();
  await node.process.start();
  const ours = (performance.now() - startMs) / 1000;
  await assertStored(node, documents + more);
  return { figure: START, ours };
}

async function stopTime(node: BenchNode): Promise<Measured> {
  const startMs = performance.now();
  const { code, signal } = await node.process.terminate();
  if (code !== 0) throw new Error(`the node ended with ${signal ?? `exit code ${code}`}`);
  return { figure: STOP, ours: (performance.now() - startMs) / 1000 };
}

async function load(context: RunContext, { url }: BenchNode, from: number, readings: number): Promise<ImportResult> {
  const input: ImportLoad = {
    url: `${url}/v1/readings`,
    plan: VILLAGE_FLEET,
    from,
    readings,
    perRequest: 2_000,
    inFlight: 2,
    shuffled: false,
    // A million prepared requests would take the machine's memory from what is measured.
    prepared: false,
  };
  return runTask<ImportLoad, ImportResult>(LOAD, input, context.signal);
}

/** Bytes of the sealed segments' folders by documents in them: all but the newest, which is open. */
async function sealedBytes(folder: string, documentsEach: number): Promise<number> {
  const root = path.join(folder, 'segments');
  const sealed = (await readdir(root))
    .filter((name) => /^\d+$/.test(name))
    .sort()
    .slice(0, -1);
  let bytes = 0;
  for (const name of sealed) {
    for (const file of await readdir(path.join(root, name), { recursive: true, withFileTypes: true })) {
      if (file.isFile()) bytes += (await stat(path.join(file.parentPath, file.name))).size;
    }
  }
  return bytes / (sealed.length * documentsEach);
}

function sizeOf({ small }: RunContext): { documents: number; segments: number; restMs: number } {
  if (small) return { documents: 10_000, segments: 10, restMs: 300 };
  return { documents: 1_000_000, segments: 50, restMs: 60_000 };
}
