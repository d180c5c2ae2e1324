/** A store to be damaged, and what a node must make of it afterwards. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { TelemetryDocument } from '../../shared/documents.js';
import { sleep } from '../../shared/time.js';
import { programEntry } from '../../sim/processes.js';
import type { SeededRandom } from '../../sim/random.js';
import { ask, listAll, listUnlessRepairing, post } from '../edge/api/node-client.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { contentsOf, postBatches, type Reading, ReadingSource } from '../support/batches.js';
import { type FolderContent, readFolder } from '../support/data-folder.js';
import { edgeProgram } from '../support/programs.js';
import { isWithin, numberProblems, readStoredTelemetry } from '../support/stored-telemetry.js';
import { RestartedNode } from './restarted-node.js';

const DOCUMENTS = 2_400;
/** Seven sealed segments and an open one. */
const SEGMENT_MAX_DOCS = 320;
const READY_WITHIN_MS = 10_000;
/** Of the time the program takes to tell its verbs: a machine that takes seconds for that is slow with everything. */
const READY_WITHIN_TIMES = 10;
const SETTLED_WITHIN_MS = 60_000;
/** The node looks after what it has to tell every five seconds. */
const TOLD_WITHIN_MS = 7_000;

export interface StoreBefore {
  content: FolderContent;
  settings: Record<string, string>;
  /** Node name and number of everything acknowledged, by content. */
  acknowledged: ReadonlyMap<string, { node: string; seq: number }>;
}

/** Fills a new folder in two lives of a node, the first of which ends well and the second with SIGKILL. */
export async function buildStore(folder: string, random: SeededRandom): Promise<StoreBefore> {
  await mkdir(folder);
  const settings = { SEGMENT_MAX_DOCS: String(SEGMENT_MAX_DOCS) };
  const program = await edgeProgram({ villageId: 'kano', dataPath: folder, env: settings });
  const source = new ReadingSource(random);
  const batches = new Map<number, Reading[]>();
  const acknowledged = new Map<string, { node: string; seq: number }>();
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await program.start();
    try {
      const { url } = program;
      await postBatches({ url, source, senders: 6, documents: DOCUMENTS / 2, maxBatch: 40, batches });
      for (const one of await listAll(url, 'readings')) {
        acknowledged.set(contentOf(one), { node: one.node, seq: one.seq });
      }
    } finally {
      await program.kill(signal);
    }
  }
  const sent = contentsOf(batches, batches.keys());
  if (acknowledged.size !== sent.size) throw new Error('the store does not hold what was sent to it');
  return { content: await readFolder(folder), settings, acknowledged };
}

export interface RepairResult {
  problems: string[];
  /** What the node counts as lost in the end. */
  lost: number;
}

/**
 * Starts the node, posts all the while, waits until everything acknowledged is listed or counted, stops it, and looks
 * into its files.
 */
export async function watchRepair(node: RestartedNode, store: StoreBefore): Promise<RepairResult> {
  const problems: string[] = [];
  const beganMs = performance.now();
  await node.start();
  const readyMs = performance.now() - beganMs;
  if (readyMs > READY_WITHIN_MS && readyMs > READY_WITHIN_TIMES * (await verbsMs())) {
    problems.push(`ready only after ${Math.round(readyMs)} ms`);
  }
  const meter = new Meter(node.url);
  let last = { unsettled: 'not looked at yet', listed: [] as TelemetryDocument[], lost: 0 };
  try {
    while (last.unsettled !== '' && performance.now() - beganMs < SETTLED_WITHIN_MS) {
      await meter.post();
      last = (await look(node.url, store, meter.acknowledged)) ?? last;
      if (last.unsettled !== '') await sleep(100);
    }
    await meter.post();
  } finally {
    problems.push(...meter.refusals);
  }
  if (last.unsettled !== '') problems.push(last.unsettled);
  problems.push(...(await node.stop()));
  problems.push(...(await filesProblems(node.folder, store, last.listed)));
  return { problems, lost: last.lost };
}

/** Milliseconds until the program, started anew, has told its verbs. */
async function verbsMs(): Promise<number> {
  const beganMs = performance.now();
  await promisify(execFile)(process.execPath, [programEntry('edge'), '--help']);
  return performance.now() - beganMs;
}

/** Sends one reading after the other, each of which must be taken. */
class Meter {
  readonly acknowledged = new Set<string>();
  readonly refusals: string[] = [];
  readonly #url: string;
  #count = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async post(): Promise<void> {
    const at = new Date(Date.UTC(2026, 3, 1) + ++this.#count * 1000).toISOString();
    const reading = { device: 'late', at, powerW: this.#count };
    const answer = await post(this.#url, 'readings', reading);
    if (answer.status === 201) this.acknowledged.add(contentOf(reading));
    else this.refusals.push(`a new reading was answered with ${answer.status} ${answer.text}`);
  }
}

/** What the node lists and counts now, and what is still wanting; undefined while it says that it cannot list it yet. */
async function look(url: string, store: StoreBefore, fresh: ReadonlySet<string>) {
  const listed = await listUnlessRepairing(url, 'readings');
  if (!listed) return undefined;
  const { status, body, text } = await ask(`${url}/v1/status`);
  if (status !== 200) throw new Error(`the status was answered with ${status} ${text}`);
  const lost = Number(body.store?.lost);
  const known = new Set(listed.map(contentOf));
  if (known.size !== listed.length) throw new Error('a reading is listed twice');
  const foreign = [...known].find((one) => !store.acknowledged.has(one) && !fresh.has(one));
  if (foreign !== undefined) throw new Error(`listed, but never sent: ${foreign}`);
  const missing = [...store.acknowledged.keys()].filter((one) => !known.has(one)).length;
  const gone = [...fresh].filter((one) => !known.has(one)).length;
  const unsettled =
    gone > 0
      ? `${gone} readings taken since the start are not listed`
      : missing > lost
        ? `${missing} acknowledged readings are not listed, and ${lost} are counted as lost`
        : '';
  return { unsettled, listed, lost };
}

/** What the files of the stopped node say, read with stock PouchDB. */
async function filesProblems(
  folder: string,
  store: StoreBefore,
  listed: readonly TelemetryDocument[],
): Promise<string[]> {
  const stored = await readStoredTelemetry(folder);
  const problems = numberProblems(stored).slice(0, 5);
  const known = new Set(listed.map(contentOf));
  const missing = [...store.acknowledged].filter(([one]) => !known.has(one)).map(([, number]) => number);
  const uncounted = missing.filter(({ node, seq }) => !isWithin(stored.lost.get(node), seq));
  if (uncounted.length > 0) {
    problems.push(`${uncounted.length} numbers are neither listed nor lost, such as ${JSON.stringify(uncounted[0])}`);
  }
  const untold = await untoldNumbers(folder, store.settings, missing);
  if (untold.length > 0) {
    problems.push(`${untold.length} lost numbers stand in no event, such as ${JSON.stringify(untold[0])}`);
  }
  return problems;
}

/** Those of the numbers that no event tells as lost, even when the node has had time to tell them. */
async function untoldNumbers(
  folder: string,
  settings: Record<string, string>,
  numbers: readonly { node: string; seq: number }[],
): Promise<{ node: string; seq: number }[]> {
  const untoldNow = async () => {
    const { told } = await readStoredTelemetry(folder);
    return numbers.filter(({ node, seq }) => !isWithin(told.get(node), seq));
  };
  let untold = await untoldNow();
  // It was stopped as soon as it counted them, and a busy machine may need that time more than once.
  for (let tried = 0; tried < 3 && untold.length > 0; tried++) {
    const again = new RestartedNode(folder, settings, { isProgram: false });
    await again.start();
    await sleep(TOLD_WITHIN_MS);
    await again.stop();
    untold = await untoldNow();
  }
  return untold;
}
