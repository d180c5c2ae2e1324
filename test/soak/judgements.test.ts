/** What a soak judges by: flat figures, quiet logs, things that become fewer. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  type FlatSample,
  flatnessOf,
  flatnessOfLongestLife,
  HANDLES_LIMIT,
  LIFE_HANDLES_LIMIT,
  LIFE_MEMORY_LIMIT,
  MEMORY_LIMIT,
} from './flatness.js';
import { LogWatch, STORM_PER_DAY } from './log-watch.js';
import { untilNoneLeft } from './until-none-left.js';

const LENGTH = 600;
/** A life of 100 after the other, a look each second. */
const looks = (value: (at: number) => number): FlatSample[] =>
  Array.from({ length: LENGTH }, (_, at) => ({ at, ageS: at % 100, cpuS: (at % 100) / 8, value: value(at) }));

describe('a figure of a process over a soak', () => {
  it('is flat where it goes up and down, and where every life begins low', () => {
    const verdict = flatnessOf(
      looks((at) => 80 + (at % 30) + Math.min(at % 100, 10)),
      LENGTH,
      MEMORY_LIMIT,
    );
    expect(verdict).to.include({ judged: true, isFlat: true });
  });

  it('is not flat where it grows with the store, from one life to the next', () => {
    expect(
      flatnessOf(
        looks((at) => 80 + at * 0.2),
        LENGTH,
        MEMORY_LIMIT,
      ),
    ).to.include({ judged: true, isFlat: false });
    expect(
      flatnessOf(
        looks((at) => 40 + at / 10),
        LENGTH,
        HANDLES_LIMIT,
      ),
    ).to.include({ judged: true, isFlat: false });
  });

  it('is not flat where the longest life leaks 150 kB a second, or a handle every 20, whatever kills have ended', () => {
    const lives = (value: (ageS: number) => number) =>
      [100, 600, 100].flatMap((lengthS, life) =>
        Array.from({ length: lengthS }, (_, ageS) => ({
          at: life * 1_000 + ageS,
          ageS,
          cpuS: ageS / 8,
          value: value(ageS),
        })),
      );
    const flat = lives((ageS) => 80 + Math.min(ageS, 100) / 2 + (ageS % 30) / 3);
    expect(flatnessOfLongestLife(flat, LIFE_MEMORY_LIMIT)).to.include({ judged: true, isFlat: true });
    const memory = lives((ageS) => 80 + ageS * 0.15);
    expect(flatnessOfLongestLife(memory, LIFE_MEMORY_LIMIT)).to.include({ judged: true, isFlat: false });
    const handles = lives((ageS) => 40 + ageS / 20);
    expect(flatnessOfLongestLife(handles, LIFE_HANDLES_LIMIT)).to.include({ judged: true, isFlat: false });
    const short = memory.filter(({ ageS }) => ageS < 100);
    expect(flatnessOfLongestLife(short, LIFE_MEMORY_LIMIT)).to.include({ judged: false });
  });

  it('is held against what has done as much, where memory grows with the work of a life', () => {
    const warming = (cpuS: number) => 90 + 4 * Math.min(cpuS, 12);
    // Idle until the first third is over, as without a link, and at work from then on.
    const idleFirst = Array.from({ length: 180 }, (_, at) => {
      const cpuS = 1 + Math.max(0, at - 90) / 8;
      return { at, ageS: at, cpuS, value: warming(cpuS) };
    });
    expect(flatnessOf(idleFirst, 180, MEMORY_LIMIT)).to.include({ judged: false });
    expect(flatnessOf(idleFirst, 180, HANDLES_LIMIT)).to.include({ judged: true });
    const lives = (value: (cpuS: number, at: number) => number): FlatSample[] =>
      looks(() => 0).map((look) => ({ ...look, value: value(look.cpuS, look.at) }));
    expect(flatnessOf(lives(warming), LENGTH, MEMORY_LIMIT)).to.include({ judged: true, isFlat: true });
    const growing = lives((cpuS, at) => warming(cpuS) + at / 5);
    expect(flatnessOf(growing, LENGTH, MEMORY_LIMIT)).to.include({ judged: true, isFlat: false });
  });

  it('is not judged of a few looks', () => {
    expect(flatnessOf(looks(() => 80).slice(0, 250), LENGTH, MEMORY_LIMIT)).to.include({ judged: false });
  });
});

const line = (level: string, message: string) => `${JSON.stringify({ level, message })}\n`;

describe('the logs of a soak', () => {
  it('may warn, and be cut off by a kill', () => {
    const log = new LogWatch('the node');
    for (let n = 0; n < STORM_PER_DAY; n++) log.write(line('warn', `data is kept and waits: ${n}`));
    log.write(line('info', 'news').repeat(1_000));
    log.write('{"level":"wa');
    log.cutOff();
    log.write(line('error', 'alert: the disk is full'));
    expect([log.problems, log.warnings, log.total('news')]).to.deep.equal([[], STORM_PER_DAY + 1, 1_000]);
  });

  it('must hold no storm, no stack trace, and nothing that no trouble explains', () => {
    const log = new LogWatch('the node');
    for (let n = 0; n <= STORM_PER_DAY; n++) log.write(line('warn', `data is kept and waits: ${n}`));
    log.write('    at somewhere (file.js:1:2)\n');
    log.write(line('error', 'the node ends because of something unforeseen: x'));
    log.write(line('warn', 'a damaged segment is repaired'));
    expect(log.problems).to.have.length(4);
  });

  it('are counted anew each day', () => {
    const log = new LogWatch('the node');
    for (let day = 0; day < 3; day++) {
      for (let n = 0; n < STORM_PER_DAY; n++) log.write(line('warn', 'data is kept and waits'));
      log.newDay();
    }
    expect([log.problems, log.warnings]).to.deep.equal([[], 0]);
  });
});

describe('waiting for the last of many', () => {
  it('goes on as long as they become fewer, and through failures', async () => {
    // Longer in all than it waits for a single one, and that much longer than a busy machine is away.
    const options = { what: 'the last', stillMs: 2_000, intervalMs: 80 };
    let left = 30;
    await untilNoneLeft(async () => {
      if (left-- % 3 === 0) throw new Error('not now');
      return Math.max(left, 0);
    }, options);
    expect(left).to.be.lessThan(1);
  });

  it('ends when none goes any more, and says how many are left', async () => {
    const options = { what: 'the last', stillMs: 40, intervalMs: 1 };
    const failure = await untilNoneLeft(async () => 3, options).catch((error: unknown) => error);
    expect(String(failure)).to.include('3 left');
  });
});
