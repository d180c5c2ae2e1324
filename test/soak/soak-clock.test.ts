import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { guardChild } from '../../sim/child-guard.js';
import { useTempFolder } from '../support/temp-folder.js';
import { DAY_MS, HOUR_MS, SoakClock } from './soak-clock.js';

/** Tells its times when asked, until its input ends. */
const PROGRAM = `
  process.stdin.on('data', () => console.log(JSON.stringify([Date.now(), new Date().getTime(), performance.now()])));
  const began = performance.now();
  setTimeout(() => console.log(performance.now() - began), 5_000);
`;
const SPEED = 1_000;

describe('the clock of a soak', () => {
  const folder = useTempFolder();

  it('is shared with a program, whose wall clock alone is set, and whose chores do not race', async () => {
    const clock = await SoakClock.begin(SPEED, 3, path.join(folder.path, 'offset'));
    expect((clock.beginMs - 3 * HOUR_MS) % DAY_MS).to.equal(0);
    const env = { PATH: process.env.PATH ?? '', ...clock.environment({ canStep: true }) };
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], { env });
    guardChild(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value));
    const times = async (): Promise<[number, number, number]> => {
      child.stdin.write('?');
      return (await next()) as [number, number, number];
    };
    // The five seconds are at least 400 ms of real time, which are 400 s there.
    expect(await next()).to.be.greaterThan(390_000);
    const before = await times();
    // Both are asked one after the other, and a busy machine takes its time in between.
    expect(clock.now() - before[0]).to.be.within(-SPEED * 5, SPEED * 10_000);

    await clock.step(-DAY_MS, child.pid);
    let after = await times();
    while (after[0] >= before[0]) after = await times();
    expect(after[2]).to.be.greaterThan(before[2]);
    expect(before[0] + (after[2] - before[2]) - after[0]).to.be.closeTo(DAY_MS, SPEED * 1_000);
    expect(after[1]).to.be.within(after[0], after[0] + SPEED * 1_000);
    child.stdin.end();
    await once(child, 'exit');
  });
});
