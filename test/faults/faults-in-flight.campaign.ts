/**
 * Faults at each step of a push of several hundred documents, with two batches on their way, in live mode, where nobody
 * asks for anything, and in forced runs. FAULT_CASES sets how many faults each step meets (1, at
 * most 6, drawn with TEST_SEED).
 */

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ProgramClient } from '../../shared/http/client.js';
import { SeededRandom, seedFor } from '../../sim/random.js';
import { groupsOf, playTogether } from '../support/play-together.js';
import { testSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { drawFaults } from './fault-table.js';
import { type PushStep, STEPS } from './push-steps.js';
import type { FaultSchedule, ScheduleEvent } from './schedule/fault-schedule.js';
import { FaultWorld } from './schedule/fault-world.js';
import { expectEverythingAccountedFor } from './schedule/verdict.js';

const SEED = testSeed();
const AT_ONCE = 4;
/** Each is a life of a node and takes seconds. */
const MAX_CASES = 6;
const SETTLED: readonly ScheduleEvent[] = [{ kind: 'burst', documents: 40 }];
const LOAD = 400;
/** Beyond the silence a request is given up after. */
const SILENCE_MS = 700;

interface Case {
  name: string;
  step: PushStep;
  event: ScheduleEvent;
  live: boolean;
}

describe(`faults with two batches on their way (TEST_SEED=${SEED})`, function () {
  this.timeout(360_000);
  const folder = useTempFolder();

  for (const cases of groupsOf(AT_ONCE, STEPS.flatMap(casesOf))) {
    it(`everything arrives: ${cases.map(({ name }) => name).join('; ')}`, () =>
      playTogether(
        cases.map((one, n) => ({ name: one.name, run: () => play(one, path.join(folder.path, String(n))) })),
      ));
  }
});

function casesOf(step: PushStep): Case[] {
  const random = new SeededRandom(seedFor(SEED, `modes of ${step.title}`));
  const isWhole = Number(process.env.FAULT_CASES ?? 0) >= 1000;
  const modes = isWhole ? [true, false] : [random.chance(0.5)];
  const { title } = step;
  const events: [string, ScheduleEvent][] = [
    ...drawFaults(title, SEED, 1, MAX_CASES).map((fault): [string, ScheduleEvent] => [
      fault.title,
      { kind: 'fault', step: title, fault: fault.title, times: random.integer(1, 2) },
    ]),
  ];
  if (isWhole || random.chance(0.3)) {
    events.push(['the peer is gone without a word', { kind: 'silence', step: title, ms: SILENCE_MS }]);
  }
  if (title.startsWith('POST') && (isWhole || random.chance(0.3))) {
    events.push(['a black hole in the middle of a body', { kind: 'black hole', up: 3_000, ms: SILENCE_MS }]);
  }
  return modes.flatMap((live) =>
    events.map(([what, event]) => ({ name: `${title}, ${live ? 'live' : 'forced'}: ${what}`, step, event, live })),
  );
}

async function play({ step, event, live }: Case, folder: string): Promise<void> {
  const isBlackHole = event.kind === 'black hole';
  const schedule: FaultSchedule = {
    ...{ seed: SEED, processes: false, refusedForever: undefined, meters: false, live },
    ...{ asPlainCouchDb: step.asPlainCouchDb ?? false, segmentMaxDocs: 150, roundTripMs: 5 },
    upBytesPerS: isBlackHole ? 20_000 : undefined,
    events: [...SETTLED, { kind: 'restart node', downMs: 0 }, event, event],
  };
  await mkdir(folder);
  const world = new FaultWorld(schedule, folder);
  try {
    await world.start();
    for (const one of SETTLED) await world.perform(one);
    await drained(world, live);
    const striking = isBlackHole ? undefined : world.perform(event);
    await world.perform({ kind: 'restart node', downMs: 0 });
    await world.perform({ kind: 'burst', documents: LOAD });
    const swallowing = isBlackHole ? world.perform(event) : striking;
    // A step that was not taken yet is taken then at the latest.
    await drained(world, live);
    await swallowing;
    if (!isBlackHole && world.strikes === 0) await world.replicate();
    // A checkpoint known from before is replaced without being read.
    if (!isBlackHole && step.title !== 'GET _local') {
      expect(world.strikes, `${step.title} is asked`).to.be.greaterThan(0);
    }
    await world.calm();
    await drained(world, live);
    await expectEverythingAccountedFor(world);
  } finally {
    await world.stop();
  }
}

/** In live mode by itself, else by forced runs, as often as they are refused. */
async function drained(world: FaultWorld, live: boolean): Promise<void> {
  const isDrained = async (): Promise<boolean> => {
    const client = new ProgramClient({ url: world.node.url, peer: 'the node' });
    const { store } = await client.json<{ store: { pending: number } }>('/v1/status');
    if (store.pending === 0) return true;
    if (!live) await world.replicate();
    return false;
  };
  await waitFor(isDrained, { what: 'the drain', timeoutMs: 60_000, intervalMs: 50 });
}
