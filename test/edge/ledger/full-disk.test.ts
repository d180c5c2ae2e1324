import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { baseEnvironment, programEntry } from '../../../sim/processes.js';
import { freePort } from '../../support/free-port.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { ask, listAll, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';
import { contentOf } from './ingest-model.js';
import { numbersByNode, upTo } from './store-under-test.js';

/** No file may grow beyond this: LevelDB's log then fails in the middle of a record, as on a full disk. */
const MAX_FILE_KIB = 96;

/** 40 readings, about 16 kB in the log. */
const batch = (n: number) =>
  upTo(40).map((m) => ({
    device: `m${m}`,
    at: new Date(Date.UTC(2026, 2, 1) + n * 1000).toISOString(),
    powerW: n,
    state: 'x'.repeat(200),
  }));

describe('a node whose writes really fail', () => {
  let child: ChildProcess | undefined;

  afterEach(async () => {
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    child = undefined;
  });

  const nodes = useNodes();
  const folder = useTempFolder();

  it('refuses what it could not write, goes on, and after a kill holds everything it acknowledged', async function () {
    this.timeout(90_000);
    if (process.platform === 'win32') this.skip();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const settings = {
      VILLAGE_ID: 'kano',
      LOCAL_CACHE_PATH: folder.path,
      EDGE_PORT: String(port),
      SYNC_SCHEDULE: 'off',
    };
    const command = `ulimit -f ${MAX_FILE_KIB} && exec "$0" "$@"`;
    child = spawn('bash', ['-c', command, process.execPath, programEntry('edge'), 'start'], {
      env: { ...baseEnvironment(), ...settings, MIN_FREE_MB: '0' },
      stdio: 'ignore',
    });
    const isReady = async () => (await ask(`${url}/readyz`)).status === 200;
    await waitFor(isReady, { what: 'the node to be ready', timeoutMs: 30_000 });
    const acknowledged: string[] = [];
    const refusals: string[] = [];
    let takenAgain = 0;
    for (const n of upTo(60)) {
      const answer = await post(url, 'readings', batch(n));
      if (answer.status === 201) {
        acknowledged.push(...batch(n).map(contentOf));
        if (refusals.length > 0) takenAgain++;
      } else refusals.push(`${answer.status} ${answer.body.error?.code}`);
    }
    expect(refusals).to.not.deep.equal([]);
    for (const refusal of refusals) expect(refusal).to.be.oneOf(['503 storage_failed', '507 storage_full']);
    // A file that is full stays full: only a store that was opened anew, with a new log, takes anything again.
    expect(takenAgain).to.be.greaterThan(0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const node = await nodes.start(folder.path);
    const listed = await listAll(node.url, 'readings');
    const stored = new Set(listed.map(contentOf));
    expect(stored.size).to.equal(listed.length);
    expect(acknowledged.filter((one) => !stored.has(one))).to.deep.equal([]);
    for (const numbers of Object.values(numbersByNode(listed))) {
      expect(new Set(numbers).size).to.equal(numbers.length);
    }
    expect((await post(node.url, 'readings', batch(99))).status).to.equal(201);
  });
});
