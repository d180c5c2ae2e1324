/**
 * Whole lives of a node and its centre in which links break, answers lie, both sides crash, clocks jump and a centre loses
 * its memory, in an order drawn from a seed, while meters post: at the end everything is accounted for. FAULT_SEEDS sets
 * how many (4), TEST_SEED plays the same ones again, FAULT_SEED one alone.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { SeededRandom } from '../../sim/random.js';
import { groupsOf, playTogether } from '../support/play-together.js';
import { testSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';
import { describeSchedule, drawSchedule } from './schedule/fault-schedule.js';
import { FaultWorld } from './schedule/fault-world.js';
import { expectEverythingAccountedFor } from './schedule/verdict.js';

const LIVES = Number(process.env.FAULT_SEEDS ?? 4);
/** So many at once: most of a life is waiting. */
const AT_ONCE = 4;
const LIFE_MS = 180_000;

describe('a life in which anything may go wrong at any time', function () {
  this.timeout(LIFE_MS * 2);
  const folder = useTempFolder();

  for (const seeds of groupsOf(AT_ONCE, seedsToPlay())) {
    it(`ends with everything accounted for (FAULT_SEED=${seeds.join(', ')})`, () =>
      playTogether(
        seeds.map((seed) => ({
          name: `FAULT_SEED=${seed}`,
          run: () => live(seed, path.join(folder.path, String(seed))),
        })),
      ));
  }
});

async function live(seed: number, folder: string): Promise<void> {
  const schedule = drawSchedule(seed);
  const world = new FaultWorld(schedule, folder);
  try {
    await mkdir(folder);
    await world.start();
    for (const event of schedule.events) await world.perform(event);
    await world.calm();
    await expectEverythingAccountedFor(world);
  } catch (error) {
    throw new Error(`${messageOf(error)}\n  ${describeSchedule(schedule)}`, { cause: error });
  } finally {
    await world.stop();
  }
}

function seedsToPlay(): number[] {
  const { FAULT_SEED } = process.env;
  if (FAULT_SEED) return FAULT_SEED.split(',').map(Number);
  const random = new SeededRandom(testSeed());
  return Array.from({ length: LIVES }, () => random.integer(0, 2 ** 31 - 1));
}
