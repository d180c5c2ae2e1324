/**
 * A soak: an edge and a centre, real programs on real stores, live through weeks in an hour, with outages, kills, clock
 * steps, full disks and retention, and are held against what was acknowledged every night and at the end.
 *
 * The seed decides what happens when; how the programs and the machine take turns it does not.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../shared/app-error.js';
import type { PostedType } from '../../shared/documents.js';
import { AcknowledgedStore } from '../../sim/acknowledged.js';
import type { PostedFields } from '../../sim/meters.js';
import { programEntry } from '../../sim/processes.js';
import { Arrivals } from './arrivals.js';
import { Blows } from './blows.js';
import { dayLine } from './day-line.js';
import { HeldDocuments } from './held-documents.js';
import { DAY_ENDS_AT_HOUR, type DayPlan, drawDays, paceOf } from './schedule.js';
import { DAY_MS, HOUR_MS, SoakClock } from './soak-clock.js';
import type { SoakResult } from './soak-result.js';
import { SoakSite, VILLAGE } from './soak-site.js';
import { untilNoneLeft } from './until-none-left.js';
import { DELETED, problemsAtTheEnd, type VerdictContext } from './verdict.js';
import { Watch } from './watch.js';
import { wearOf } from './wear.js';

export interface SoakOptions {
  /** Of real time, 0.25 or more. */
  minutes: number;
  seed: number;
  /** Where the logs of both programs are kept, if they are to be; it must be there. */
  logFolder?: string | undefined;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** What starting both programs takes, and some: so much longer than one takes to tell its verbs, and so much more. */
const START = { times: 6, plusS: 2 };
/** Of real time, without anything arriving. */
const STILL_MS = 60_000;
const FINISH_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 200;
const FORCED = 'the scheduled replication is complete';
/** From so many days on a forced run must have come to its end. */
const FORCED_BY_DAYS = 2;

/** Resolves with what was seen, problems included; rejects only when it could not begin, or was interrupted. */
export async function playSoak(options: SoakOptions): Promise<SoakResult> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'solar-sync-soak-'));
  try {
    return await play(options, folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

async function play({ minutes, seed, logFolder, say, signal }: SoakOptions, folder: string): Promise<SoakResult> {
  const { days, speed, retentionDays } = paceOf(minutes);
  const startHours = (((await startSeconds()) * START.times + START.plusS) * speed) / 3_600;
  const beginHour = DAY_ENDS_AT_HOUR - startHours - (days % 1) * 24;
  const clock = await SoakClock.begin(speed, beginHour, path.join(folder, 'clock-offset'));
  const firstMs = clock.beginMs + startHours * HOUR_MS;
  const plans = drawDays(seed, firstMs, firstMs + days * DAY_MS);

  const acknowledged = new AcknowledgedStore(VILLAGE);
  const held = new HeldDocuments(VILLAGE);
  const onAcknowledged = (type: PostedType, documents: readonly PostedFields[]): void => {
    acknowledged.add(type, documents);
    held.acknowledge(type, documents);
  };
  const site = await SoakSite.create({ folder, clock, seed, retentionDays, logFolder, onAcknowledged });
  const arrivals = new Arrivals(site.centre.analyst, (document) => held.arrive(document));
  const watch = new Watch(site, held, arrivals);
  const blows = new Blows(site, onAcknowledged, signal);
  const stage: Stage = { site, held, arrivals, blows, watch, acknowledged, retentionDays, signal };
  const beganMs = performance.now();
  const disk = site.disk.isSmall ? 'a small disk of its own' : 'no disk of its own, so BUFFER_MAX_MB is what fills';
  say(
    `seed ${seed}: ${days.toFixed(1)} days in ${minutes} minutes (${Math.round(speed)} times as fast), ` +
      `RETENTION_DAYS ${retentionDays}, ${disk}`,
  );
  const problems = await liveThrough(stage, plans, say);
  const forcedRuns = site.logs.edge.total(FORCED);
  if (days >= FORCED_BY_DAYS && forcedRuns === 0) problems.push('no forced run of the schedule has succeeded');
  const hours = watch.looks.at(-1)?.hour ?? 0;
  const wear = wearOf(watch, { hours, retentionDays, realS: (performance.now() - beganMs) / 1000 });
  problems.push(...wear.problems);
  return {
    ...{ seed, minutes, days, speed, retentionDays, problems, forcedRuns },
    acknowledged: held.acknowledged,
    held: held.held,
    nodes: held.counts().map(({ node, highest, told }) => ({ node, highest, void: told.void })),
    segmentsDeleted: site.logs.edge.total(DELETED),
    edits: { edge: blows.editors.edge.acknowledged, centre: blows.editors.centre.acknowledged },
    retries: site.fleet.counts.retries,
    wear: wear.figures,
    looks: watch.looks,
  };
}

interface Stage extends VerdictContext {
  watch: Watch;
}

/** All days, and what must hold after them. Answers the problems; everything is ended then. */
async function liveThrough(stage: Stage, plans: readonly DayPlan[], say: (line: string) => void): Promise<string[]> {
  const { site, held, blows, watch, signal } = stage;
  const problems: string[] = [];
  try {
    await site.start();
    watch.start();
    for (const plan of plans) {
      await blows.play(plan);
      await quietNight(stage, plan);
      say(dayLine(plan, { site, held, look: watch.looks.at(-1) }));
      for (const log of [site.logs.edge, site.logs.centre]) log.newDay();
    }
    await site.fleet.finish(FINISH_WITHIN_MS);
    problems.push(...(await problemsAtTheEnd(stage)));
  } catch (error) {
    signal.throwIfAborted();
    problems.push(`the soak broke off: ${messageOf(error)}`, ...held.problems);
  } finally {
    await blows.stop();
    await watch.stop();
    problems.push(...site.logs.edge.problems, ...site.logs.centre.problems);
    await site.stop();
  }
  return problems;
}

/** Of real time, until a program has told its verbs: the time runs while both are started, on busy machines too. */
async function startSeconds(): Promise<number> {
  const beganMs = performance.now();
  await promisify(execFile)(process.execPath, [programEntry('edge'), '--help']);
  return (performance.now() - beganMs) / 1000;
}

/**
 * Everything is put right, 2 AM passes, and everything acknowledged comes to the centre. The meters rest meanwhile: a
 * machine that is too busy for the pace gets the time it takes.
 */
async function quietNight({ site, blows, held, arrivals, signal }: Stage, plan: DayPlan): Promise<void> {
  await blows.mend();
  await site.clock.sleepUntil(plan.endMs, signal);
  await site.fleet.stop();
  if (site.fleet.failure) throw site.fleet.failure;
  const left = async () => {
    await arrivals.catchUp();
    return held.awaited.length;
  };
  const what = `what was acknowledged by the end of day ${plan.day + 1} to be at the centre`;
  await untilNoneLeft(left, { what, stillMs: STILL_MS, intervalMs: ASK_EVERY_MS, signal });
  if (held.problems.length > 0) throw new Error('what the centre holds is not what was acknowledged');
  await site.fleet.start();
}
