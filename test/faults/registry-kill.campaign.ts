/**
 * Node and centre as real processes, killed at random moments while the registry is edited on both sides: at the end both
 * show every acknowledged edit, and the same. KILL_CYCLES sets how often (4), TEST_SEED plays one run again.
 */
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, describe } from 'mocha';
import { sleep } from '../../shared/time.js';
import type { SimulatedCentre } from '../../sim/centre.js';
import { SimulatedLink } from '../../sim/link.js';
import type { ProgramProcess } from '../../sim/processes.js';
import { askRegistry } from '../edge/api/registry-client.js';
import { RegistrySite } from '../edge/registry/support/registry-site.js';
import { centreProgram, edgeProgram } from '../support/programs.js';
import { itWithSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

/** A quarter of what the ledger alone goes through: each takes two programs and a link. */
const CYCLES = Math.ceil(Number(process.env.KILL_CYCLES ?? 16) / 4);
const VILLAGE = 'bamenda';
const METER = { model: 'M1', serial: '7', role: 'customer' };

describe('killing node and centre while the registry is edited', function () {
  this.timeout(60_000 + CYCLES * 10_000);
  const folder = useTempFolder();
  const running: { stop(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one.stop();
  });

  itWithSeed(`keeps every acknowledged edit in ${CYCLES} kills, the same on all sides`, async (random) => {
    const centre: SimulatedCentre = await centreProgram(path.join(folder.path, 'centre'));
    running.push(centre);
    await centre.start();
    const password = await centre.addVillage(VILLAGE);
    const link = new SimulatedLink({ targetPort: centre.port, roundTripMs: 50, upBytesPerS: 8_000 });
    running.push(link);
    await link.start();
    const env = { API_URL: link.url, CENTRAL_PASSWORD: password, SYNC_TIMEOUT: '2', CONNECTIVITY_INTERVAL: '0.2' };
    const edge: ProgramProcess = await edgeProgram({
      villageId: VILLAGE,
      dataPath: path.join(folder.path, 'edge'),
      env,
    });
    running.push(edge);
    await edge.start();
    const witness = await RegistrySite.start({
      ...{ folder: path.join(folder.path, 'witness'), village: VILLAGE, live: true, timeoutMs: 2_000 },
      ...{ url: centre.url, user: VILLAGE, password },
    });
    running.push(witness);

    const acknowledged: string[] = [];
    let count = 0;
    const edit = async () => {
      for (let n = 0; n < 5; n++) {
        const [here, there] = [`here-${count}`, `there-${count++}`];
        const answer = await askRegistry(edge.url, 'PUT', `registry/device/${here}`, { body: METER }).catch(
          () => undefined,
        );
        if (answer?.status === 201) acknowledged.push(here);
        await witness.put('device', there, METER);
        acknowledged.push(there);
      }
    };
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const editing = edit();
      await sleep(random.integer(50, 1_500));
      const victim = random.chance(0.6) ? edge : centre.process;
      await victim.kill('SIGKILL');
      await editing;
      await victim.start();
    }
    await edit();

    const shownByEdge = async () => (await askRegistry(edge.url, 'GET', 'registry')).body.items ?? [];
    await waitFor(
      async () => {
        const [here, there] = [await shownByEdge(), await witness.registry.registry.list()];
        const ids = new Set([...here].map(({ _id }) => _id));
        const others = new Set(there.map(({ _id }) => _id));
        // Also one that was stored and, for a kill, never acknowledged comes to the other side, at its own time.
        expect(here).to.deep.equal(there);
        return acknowledged.every((id) => ids.has(`device:${id}`) && others.has(`device:${id}`));
      },
      { what: 'every acknowledged edit on both sides, and the same', timeoutMs: 60_000 },
    );
    expect(acknowledged.length).to.be.above(10 * CYCLES * 0.5);
  });
});
