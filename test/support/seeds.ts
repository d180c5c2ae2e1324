/** Seeds of randomised tests: shown in the test's title, so that a failure can be played again with TEST_SEED. */
import { randomInt } from 'node:crypto';
import { it } from 'mocha';
import { SeededRandom } from '../../sim/random.js';

const MAX_SEED = 2 ** 31;

/** TEST_SEED when it is set, else a new random seed. Throws for a TEST_SEED that is not a whole number below 2^31. */
export function testSeed(env: Record<string, string | undefined> = process.env): number {
  const given = env.TEST_SEED;
  if (given === undefined || given === '') return randomInt(MAX_SEED);
  const seed = Number(given);
  if (!/^\d+$/.test(given) || seed >= MAX_SEED)
    throw new Error(`TEST_SEED must be a whole number below 2^31, not ${given}`);
  return seed;
}

/** A mocha test that gets a random stream; its title ends with the seed. */
export function itWithSeed(title: string, test: (random: SeededRandom, seed: number) => void | Promise<void>): void {
  const seed = testSeed();
  it(`${title} (TEST_SEED=${seed})`, () => test(new SeededRandom(seed), seed));
}
