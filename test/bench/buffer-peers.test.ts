import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { RunContext } from '../../bench/row.js';
import { keptOf } from '../../bench/support/buffer-life.js';
import { folderBytes, type PeerCentre, untilArrived } from '../../bench/support/buffer-peer.js';
import { Mosquitto } from '../../bench/support/mosquitto.js';
import { messageOf } from '../../shared/app-error.js';
import { freePort } from '../support/free-port.js';
import { useTempFolder } from '../support/temp-folder.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CONTEXT: RunContext = {
  ...{ folder: '', peerFirst: false, small: true, profileFolder: undefined },
  signal: new AbortController().signal,
  say: () => undefined,
};

/** A centre that says one number after the other, the last for ever. */
function centreThatSays(...numbers: number[]): PeerCentre {
  let look = 0;
  const held = async () => numbers[Math.min(look++, numbers.length - 1)] ?? 0;
  return { port: 0, held, counted: held, holdsDevice: async () => false };
}

describe('the buffers that ours is held against', () => {
  const folder = useTempFolder();

  it('have delivered as soon as their centre holds everything', async () => {
    const options = { sinceMs: performance.now(), quietMs: 20_000, timeoutMs: 5_000 };
    const { held, seconds } = await untilArrived(CONTEXT, centreThatSays(0, 0, 3, 7, 10), 10, options);
    expect(held).to.equal(10);
    expect(seconds).to.be.within(0.02, 5);
  });

  it('have delivered what they have when nothing more comes, and the quiet is not in the time', async () => {
    const options = { sinceMs: performance.now(), quietMs: 400, timeoutMs: 20_000 };
    const { held, seconds } = await untilArrived(CONTEXT, centreThatSays(0, 6, 8), 10, options);
    expect(held).to.equal(8);
    expect(seconds * 1000).to.be.below(performance.now() - options.sinceMs - 300);
  });

  it('fail the run when they never arrive in time', async () => {
    const options = { sinceMs: performance.now(), quietMs: 10_000, timeoutMs: 50 };
    const failure = await untilArrived(CONTEXT, centreThatSays(4), 10, options).catch(messageOf);
    expect(failure).to.match(/waited 0.05 s for 10 readings at the peer's centre/);
  });

  it('are told to have lost what was acknowledged and is not there, and cannot hold more than was posted', () => {
    expect(keptOf(200, 200)).to.deep.equal({ keptPct: 100, lost: 0 });
    expect(keptOf(150, 200)).to.deep.equal({ keptPct: 75, lost: 50 });
    expect(() => keptOf(201, 200)).to.throw('the centre holds 201 readings where 200 were posted');
  });

  it('take on disk what all their files take, in folders too', async () => {
    await mkdir(path.join(folder.path, 'deeper'));
    await writeFile(path.join(folder.path, 'a'), 'x'.repeat(1_000));
    await writeFile(path.join(folder.path, 'deeper', 'b'), 'x'.repeat(234));
    expect(await folderBytes(folder.path)).to.equal(1_234);
  });

  it('fail at once, with a sentence, where a broker does not run', async () => {
    for (const command of [process.execPath, path.join(folder.path, 'no-such-command')]) {
      const broker = new Mosquitto({ command, folder: folder.path, port: await freePort() });
      const failure = await broker.start('each-second').catch(messageOf);
      expect(failure).to.match(/^the broker at port \d+ ended as soon as it was started$/);
      await broker.end('SIGKILL');
    }
  });

  it('are made of nothing that the product depends on', async () => {
    const packageOf = async (folder: string) =>
      JSON.parse(await readFile(path.join(ROOT, folder, 'package.json'), 'utf8')) as Record<string, object>;
    const product = await packageOf('.');
    const bench = await packageOf('bench');
    const all = Object.keys({ ...product.dependencies, ...product.devDependencies });
    for (const name of Object.keys(bench.dependencies ?? {})) expect(all).to.not.include(name);
  });
});
