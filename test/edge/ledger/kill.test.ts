import { expect } from 'chai';
import { afterEach, describe } from 'mocha';
import { sleep } from '../../../shared/time.js';
import type { ProgramProcess } from '../../../sim/processes.js';
import type { SeededRandom } from '../../../sim/random.js';
import { edgeProgram } from '../../support/programs.js';
import { itWithSeed } from '../../support/seeds.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { ask, listAll, post } from '../api/node-client.js';
import { SEGMENT_SIZES } from '../api/node-under-test.js';
import { contentOf } from './ingest-model.js';
import { numbersByNode, upTo } from './store-under-test.js';

/** KILL_CYCLES makes it longer. */
const CYCLES = Number(process.env.KILL_CYCLES ?? 8);
const SENDERS = 4;

interface Reading {
  device: string;
  at: string;
  powerW: number;
  [field: string]: unknown;
}

/**
 * Posts small batches one after the other until the node is gone; what has no answer is sent again in the next life.
 */
class Sender {
  readonly acknowledged: Reading[] = [];
  readonly #device: string;
  #unanswered: Reading[] = [];
  #count = 0;

  constructor(device: string) {
    this.#device = device;
  }

  async sendUntilGone(url: string, random: SeededRandom): Promise<void> {
    for (;;) {
      const batch =
        this.#unanswered.length > 0 ? this.#unanswered : upTo(random.integer(1, 5)).map(() => this.#next(random));
      this.#unanswered = batch;
      const answer = await post(url, 'readings', batch).catch(() => undefined);
      if (!answer) return;
      // The node is stopping.
      if (answer.status === 503) continue;
      if (answer.status !== 201) throw new Error(`a good batch was answered with ${answer.status} ${answer.text}`);
      this.acknowledged.push(...batch);
      this.#unanswered = [];
    }
  }

  /** What was sent but not answered may be stored or not. */
  get unanswered(): readonly Reading[] {
    return this.#unanswered;
  }

  #next(random: SeededRandom): Reading {
    const at = new Date(Date.UTC(2026, 2, 1) + ++this.#count * 1000).toISOString();
    return { device: this.#device, at, powerW: random.integer(0, 5000) };
  }
}

async function checkEverything(url: string, senders: readonly Sender[], node: string): Promise<void> {
  const listed = await listAll(url, 'readings');
  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  const possible = new Set(senders.flatMap((sender) => sender.unanswered).map(contentOf));
  const stored = listed.map(contentOf);
  expect(new Set(stored).size, 'each once').to.equal(stored.length);
  const known = new Set(stored);
  expect(
    acknowledged.map(contentOf).filter((one) => !known.has(one)),
    'acknowledged, but gone',
  ).to.deep.equal([]);
  const sent = new Set(acknowledged.map(contentOf));
  expect(
    stored.filter((one) => !sent.has(one) && !possible.has(one)),
    'never sent',
  ).to.deep.equal([]);
  expect(new Set(listed.map((one) => one.node))).to.deep.equal(new Set([node]));
  const { body } = await ask(`${url}/v1/status`);
  expect(body.node).to.equal(node);
  // Whatever has no number here are boot events, at most one for each life.
  const numbers = (numbersByNode(listed)[node] ?? []).sort((a, b) => a - b);
  const lastSeq = Number(body.store?.lastSeq);
  expect(new Set(numbers).size).to.equal(numbers.length);
  expect(numbers.at(-1)).to.be.at.most(lastSeq);
  expect(lastSeq - numbers.length).to.be.within(0, CYCLES + 2);
}

for (const SEGMENT_MAX_DOCS of SEGMENT_SIZES) {
  describe(`a node that is killed (rolls at ${SEGMENT_MAX_DOCS})`, function () {
    this.timeout(60_000 + CYCLES * 5_000);
    let program: ProgramProcess | undefined;

    afterEach(async () => {
      await program?.kill('SIGKILL');
    });

    const folder = useTempFolder();
    const cycles = SEGMENT_MAX_DOCS === '7' ? Math.ceil(CYCLES / 3) : CYCLES;

    itWithSeed(
      `${cycles} times at any moment loses nothing acknowledged, repeats nothing and keeps its name`,
      async (random) => {
        const env = { SEGMENT_MAX_DOCS };
        program = await edgeProgram({ villageId: 'kano', dataPath: folder.path, env });
        const { url } = program;
        const senders = upTo(SENDERS).map((n) => new Sender(`m${n}`));
        let node: string | undefined;
        for (let cycle = 0; cycle < cycles; cycle++) {
          await program.start();
          node ??= (await ask(`${url}/readyz`)).body.node;
          const sent = Promise.all(senders.map((sender) => sender.sendUntilGone(url, random)));
          await sleep(random.between(5, 400));
          await program.kill('SIGKILL');
          await sent;
        }
        await program.start();
        expect(senders.flatMap(({ acknowledged }) => acknowledged).length).to.be.greaterThan(cycles);
        await checkEverything(url, senders, String(node));
      },
    );

    itWithSeed('in the middle of its start gets up again', async (random) => {
      program = await edgeProgram({ villageId: 'kano', dataPath: folder.path, env: { SEGMENT_MAX_DOCS } });
      await program.start();
      const sender = new Sender('m1');
      const sent = sender.sendUntilGone(program.url, random);
      await waitFor(() => sender.acknowledged.length > 0, { what: 'something to be acknowledged' });
      await program.kill('SIGKILL');
      await sent;
      for (let n = 0; n < 3; n++) {
        const started = program.start().catch(() => undefined);
        await sleep(random.between(150, 600));
        await program.kill('SIGKILL');
        await started;
      }
      await program.start();
      const { body } = await ask(`${program.url}/readyz`);
      await checkEverything(program.url, [sender], String(body.node));
    });

    itWithSeed(
      'politely, under load, closes its port, ends with 0 in time, and holds everything it acknowledged',
      async (random) => {
        program = await edgeProgram({ villageId: 'kano', dataPath: folder.path, env: { SEGMENT_MAX_DOCS } });
        await program.start();
        const { url } = program;
        const { node } = (await ask(`${url}/readyz`)).body;
        const senders = upTo(SENDERS).map((n) => new Sender(`m${n}`));
        const sent = Promise.all(senders.map((sender) => sender.sendUntilGone(url, random)));
        await sleep(300);
        const began = performance.now();
        const ended = program.terminate();
        await sent;
        expect(await ended).to.deep.equal({ code: 0, signal: null });
        expect(performance.now() - began).to.be.lessThan(10_000);
        expect(program.stderrTail).to.not.match(/\n\s+at /);
        expect(await ask(`${url}/healthz`).catch(() => 'closed')).to.equal('closed');
        await program.start();
        await checkEverything(url, senders, String(node));
      },
    );
  });
}
