/**
 * The nth sync, or the nth write in place, of a real node fails, for n spread over a run from its start through rolls of
 * segments. FAILING_CALLS sets how many are tried (5; 0 for every n), TEST_SEED plays one run again.
 */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { ProgramProcess } from '../../sim/processes.js';
import type { SeededRandom } from '../../sim/random.js';
import { ask, listAll, post } from '../edge/api/node-client.js';
import { useNodes } from '../edge/api/node-under-test.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { ReadingSource } from '../support/batches.js';
import { type FailingCall, failedCalls, whyNoFailingCalls, withFailingCall } from '../support/failing-calls.js';
import { edgeProgram } from '../support/programs.js';
import { itWithSeed } from '../support/seeds.js';
import { numberProblems, readStoredTelemetry } from '../support/stored-telemetry.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';

const TRIES = Number(process.env.FAILING_CALLS ?? 5);
const BATCHES = 12;
const SETTINGS = { SEGMENT_MAX_DOCS: '9' };

/** `upTo`: about as many as there are in such a run. */
const SYNCS = { calls: ['fsync', 'fdatasync'], error: 'EIO', upTo: 60 } as const;
/** The mark of what is acknowledged is written in place; LevelDB only appends. */
const WRITES_IN_PLACE = { calls: ['pwrite64'], error: 'ENOSPC', upTo: 20 } as const;

describe('a real disk with a bad moment', function () {
  this.timeout(60_000 + (TRIES || SYNCS.upTo) * 15_000);
  let program: ProgramProcess | undefined;
  let folder: string | undefined;

  afterEach(async () => {
    await program?.kill('SIGKILL');
    if (folder !== undefined) await removeFolder(folder);
    folder = undefined;
  });

  const nodes = useNodes();

  /** Starts it, again where the bad moment was in the start: then it must have ended with a sentence. */
  async function startDespite(call: FailingCall, dataPath: string, calls: string): Promise<ProgramProcess> {
    // One thread asks the disk, so that the nth call is the nth of the run.
    const options = {
      villageId: 'kano',
      dataPath,
      env: { ...SETTINGS, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' },
    };
    program = await edgeProgram({ ...options, under: withFailingCall(call, calls) });
    try {
      await program.start();
    } catch (error) {
      expect(program.stderrTail, String(error)).to.match(/^error: [^\n]+$/m);
      program = await edgeProgram(options);
      await program.start();
    }
    return program;
  }

  /** True when the call was made; whom it fails may have tried again without telling anybody. */
  async function survives(call: FailingCall, random: SeededRandom): Promise<boolean> {
    folder = await createTempFolder();
    const data = path.join(folder, 'data');
    const calls = path.join(folder, 'calls');
    const { url } = await startDespite(call, data, calls);
    const source = new ReadingSource(random);
    const acknowledged: string[] = [];
    const what = `${call.calls.join()} ${call.nth} ${call.error}`;
    for (let n = 0; n < BATCHES; n++) {
      const batch = source.batch('m1', 5);
      for (let tries = 0; ; tries++) {
        const { status, text } = await post(url, 'readings', batch);
        if (status === 201) break;
        expect(status, `${what}: ${text}`).to.be.oneOf([503, 507]);
        expect(tries, `${what}: the store does not heal: ${text}`).to.be.lessThan(5);
      }
      acknowledged.push(...batch.map(contentOf));
    }
    await program?.kill('SIGKILL');
    const node = await nodes.start(data, SETTINGS);
    const listed = (await listAll(node.url, 'readings')).map(contentOf);
    expect(listed.sort(), what).to.deep.equal(acknowledged.sort());
    expect((await ask(`${node.url}/v1/status`)).body.store, what).to.include({ lost: 0 });
    await node.stop();
    expect(numberProblems(await readStoredTelemetry(data)), what).to.deep.equal([]);
    const isStruck = (await failedCalls(calls)) > 0;
    await removeFolder(folder);
    return isStruck;
  }

  const whyNot = whyNoFailingCalls();
  if (whyNot !== undefined) {
    it(`skipped: no system call can be made to fail here (${whyNot})`);
    return;
  }

  for (const [title, { calls, error, upTo }] of [
    ['whose nth sync fails', SYNCS],
    ['whose nth write in place finds it full', WRITES_IN_PLACE],
  ] as const) {
    itWithSeed(`${title} loses nothing acknowledged, and the node heals`, async (random) => {
      const tried = TRIES || upTo;
      let struck = 0;
      for (let n = 0; n < tried; n++) {
        const nth = 1 + Math.floor(((n + random.next()) * upTo) / tried);
        if (await survives({ calls, error, nth }, random)) struck++;
      }
      expect(struck, 'a call that failed').to.be.greaterThan(0);
    });
  }
});
