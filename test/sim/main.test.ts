import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { playOnce } from '../../sim/play-once.js';
import { testSeed } from '../support/seeds.js';

const MAIN = fileURLToPath(new URL('../../sim/main.js', import.meta.url));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function simulate(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}

describe('the simulation', () => {
  it('explains its flags', async () => {
    const { code, stdout } = await simulate('--help');
    expect(code).to.equal(0);
    for (const flag of ['--once', '--meters', '--speed', '--seed']) expect(stdout).to.contain(flag);
  });

  for (const [args, sentence] of [
    [['--twice'], /unknown option '--twice'/],
    [['--meters', '0'], /^error: --meters must be a whole number from 1 to 2000 \(given: "0"\)\n$/],
    [['--speed', 'fast'], /^error: --speed must be a number from 1 to 36000 \(given: "fast"\)\n$/],
    [['--seed', '-1'], /--seed/],
    [['village'], /too many arguments/],
  ] as const) {
    it(`refuses ${args.join(' ')} with exit code 2 and a sentence`, async () => {
      const { code, stdout, stderr } = await simulate(...args);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.match(sentence);
    });
  }

  it('loses nothing through an outage and a killed node, and proves it', async function () {
    this.timeout(60_000);
    const lines: string[] = [];
    const phases = { onlineMs: 1_500, offlineMs: 800, nodeDownMs: 300, offlineAgainMs: 800 };
    const choice = { meters: 10, speed: 1_800, seed: testSeed(), signal: new AbortController().signal };
    const holds = await playOnce({ ...choice, phases, say: (line) => lines.push(line) });
    const text = lines.join('\n');
    expect(holds, text).to.equal(true);
    expect(text).to.match(/With [\d,]+ documents pending, the node of bamenda is killed/);
    const audited = [...text.matchAll(/(\w+) +acknowledged ([\d,]+) .* at the centre ([\d,]+), confirmed ([\d,]+)$/gm)];
    expect(audited.map(([, village]) => village)).to.deep.equal(['bamenda', 'kitui']);
    for (const [, , acknowledged, atCentre, confirmed] of audited) {
      expect(acknowledged).to.not.equal('0');
      expect([atCentre, confirmed]).to.deep.equal([acknowledged, acknowledged]);
    }
  });

  it('that is interrupted ends everything it started and says so', async function () {
    this.timeout(60_000);
    const stop = new AbortController();
    stop.abort();
    const choice = { meters: 1, speed: 900, seed: 1, signal: stop.signal, say: () => undefined };
    expect(await playOnce(choice).then(() => 'no failure', messageOf)).to.match(/interrupted before the end/);
  });
});
