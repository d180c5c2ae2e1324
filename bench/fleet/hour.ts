/** The hour itself: who starts when, what is broken in its middle, and what it took. */
import { setMaxListeners } from 'node:events';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { villageJitterMs } from '../../edge/push/schedule.js';
import { messageOf } from '../../shared/app-error.js';
import { sleep } from '../../shared/time.js';
import { SeededRandom } from '../../sim/random.js';
import { type Breakage, breakHalfWay } from './breakage.js';
import type { EdgeVillage } from './edge-village.js';
import type { FleetCentre } from './fleet-centre.js';
import { type FleetSize, type Scenario, spreadS } from './fleet-plan.js';
import { HeldSeries } from './held-series.js';
import { LightVillage } from './light-village.js';
import { type ProcessFigures, ProcessMeter } from './process-meter.js';
import { type LatencyFigures, RequestLog, type TimelinePoint } from './request-log.js';
import type { VillageLoad } from './village-load.js';

export interface HourOptions {
  scenario: Scenario;
  size: FleetSize;
  centre: FleetCentre;
  loads: readonly VillageLoad[];
  /** Of the loads, in their order. */
  passwords: readonly string[];
  edges: readonly EdgeVillage[];
  /** Shell command that restarts the CouchDB and ends when it answers again. */
  restartCommand: string | undefined;
  seed: number;
  signal: AbortSignal;
  say: (line: string) => void;
}

export interface HourResult {
  scenario: Scenario;
  /** From 2 AM until the last village was done. */
  wallS: number;
  /** Of each light village that finished, from its own start, the shortest first. */
  finishedS: number[];
  /** The same of the nodes' jobs, from 2 AM. */
  edgesFinishedS: number[];
  /** How many tries each job took. */
  edgeTries: number[];
  requests: number;
  answers: Record<string, number>;
  latency: LatencyFigures;
  batchLatency: LatencyFigures;
  gateways: ProcessFigures[];
  /** Undefined when nothing was broken on purpose. */
  broken: Breakage | undefined;
  /** The load generator itself, balancer included: processor seconds, and how late its timers came. */
  generator: { processorS: number; p99LateMs: number };
  /** Light villages' documents answered for, and all that CouchDB counts, second by second. */
  series: { answered: TimelinePoint[]; held: TimelinePoint[] };
  /** Villages that did not finish, and whatever else went wrong, in words. */
  problems: string[];
}

/** No hour takes as long unless it hangs. */
const HOUR_MAX_MS = 1_800_000;

/** Resolves when every village has finished or failed. */
export async function liveThrough(options: HourOptions): Promise<HourResult> {
  const { scenario, centre, loads } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(HOUR_MAX_MS)]);
  // Every village that waits listens to it.
  setMaxListeners(0, signal);
  const log = new RequestLog();
  const meter = new ProcessMeter(centre.gateways);
  const held = new HeldSeries(centre);
  await meter.start();
  await held.start();
  const measureGenerator = generatorMeter();
  const startMs = performance.now();
  const sinceS = () => (performance.now() - startMs) / 1000;
  log.start();

  const ended = new AbortController();
  const half = loads.reduce((sum, { documents }) => sum + documents, 0) / 2;
  const problems: string[] = [];
  const breaking = breakHalfWay({
    ...{ scenario, centre, sinceS, restartCommand: options.restartCommand, say: options.say },
    ...{ isHalfWay: () => log.documents >= half, signal: AbortSignal.any([signal, ended.signal]) },
  }).catch((error: unknown) => {
    problems.push(messageOf(error));
    return undefined;
  });
  const finished = await villagesThrough({ ...options, signal }, log, sinceS);
  const wallS = sinceS();
  ended.abort();
  const broken = await breaking;
  const measured = { generator: measureGenerator(), gateways: await meter.stop() };
  const series = { answered: log.timeline, held: await held.stop() };
  options.signal.throwIfAborted();
  problems.push(...finished.problems);
  return {
    ...{ scenario, wallS, broken, ...finished, problems, requests: log.requests, answers: log.answers },
    ...{ latency: log.latency, batchLatency: log.batchLatency, ...measured, series },
  };
}

type Finished = Pick<HourResult, 'finishedS' | 'edgesFinishedS' | 'edgeTries' | 'problems'>;

async function villagesThrough(options: HourOptions, log: RequestLog, sinceS: () => number): Promise<Finished> {
  const { scenario, size, centre, loads, passwords, edges, seed, signal } = options;
  const finished: Finished = { finishedS: [], edgesFinishedS: [], edgeTries: [], problems: [] };
  const light = loads.map(async (load, i) => {
    await sleep(scenario.jitter ? villageJitterMs(load.id, spreadS(size)) : 0, signal);
    const startedS = sinceS();
    const random = new SeededRandom(seed + i);
    const own = { load, password: passwords[i] ?? '', random: () => random.next() };
    await new LightVillage({ ...own, log, signal, origin: centre.url }).run();
    finished.finishedS.push(sinceS() - startedS);
  });
  // The CronJob knows no jitter: it asks at 2 AM sharp in either scenario.
  const jobs = edges.map(async (edge) => {
    finished.edgeTries.push(await edge.replicateAsJob(signal));
    finished.edgesFinishedS.push(sinceS());
  });
  for (const outcome of await Promise.allSettled([...light, ...jobs])) {
    if (outcome.status === 'rejected') finished.problems.push(messageOf(outcome.reason));
  }
  for (const times of [finished.finishedS, finished.edgesFinishedS]) times.sort((a, b) => a - b);
  return finished;
}

/** Begins to measure this process; to be called once to end it. */
function generatorMeter(): () => HourResult['generator'] {
  const delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    delay.disable();
    return { processorS: (user + system) / 1e6, p99LateMs: delay.percentile(99) / 1e6 };
  };
}
