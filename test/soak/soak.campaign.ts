/**
 * The soak in a short form: a night with an outage, kills, a stepped clock and a full disk. SOAK_MINUTES sets how long
 * (0.25, of real time), TEST_SEED plays the same days again; the long form is `npm run soak`.
 */
import { expect } from 'chai';
import { afterEach, describe } from 'mocha';
import { itWithSeed } from '../support/seeds.js';
import { summaryLines } from './day-line.js';
import { playSoak } from './play-soak.js';

const MINUTES = Number(process.env.SOAK_MINUTES || 0.25);
/** Beyond its length, for a machine that is busy: starts, and waiting while documents still arrive. */
const MORE_MS = 300_000;

describe('a village node and its centre over accelerated days', function () {
  this.timeout(MINUTES * 60_000 + MORE_MS);

  const ending = new AbortController();
  let playing: Promise<unknown> | undefined;
  afterEach(async () => {
    ending.abort();
    await playing?.catch(() => undefined);
  });

  itWithSeed(`lose nothing and stay as they are in ${MINUTES} minutes of trouble`, async (_random, seed) => {
    const lines: string[] = [];
    const soak = playSoak({
      ...{ minutes: MINUTES, seed, signal: ending.signal },
      say: (line) => lines.push(line),
    });
    playing = soak;
    const result = await soak;
    const told = [...lines, ...summaryLines(result)].join('\n');
    expect(result.problems, told).to.deep.equal([]);
    expect(result.acknowledged, told).to.be.greaterThan(300);
    expect(result.held, told).to.be.greaterThan(result.acknowledged);
    expect(result.segmentsDeleted, told).to.be.greaterThan(0);
  });
});
