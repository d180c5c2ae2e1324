/**
 * Node and centre as real processes, killed at random moments while documents come in and the link is cut: at the end
 * the centre holds exactly what was acknowledged. KILL_CYCLES sets how often (4), TEST_SEED plays one run again.
 */
import { expect } from 'chai';
import { afterEach, describe } from 'mocha';
import type { OneShotResult } from '../../edge/push/one-shot.js';
import { ProgramClient } from '../../shared/http/client.js';
import { sleep } from '../../shared/time.js';
import { auditVillage } from '../../sim/audit.js';
import type { SimulatedCentre } from '../../sim/centre.js';
import { SimulatedLink } from '../../sim/link.js';
import type { ProgramProcess } from '../../sim/processes.js';
import { PatientPoster } from '../support/patient-poster.js';
import { centreProgram, edgeProgram } from '../support/programs.js';
import { itWithSeed } from '../support/seeds.js';
import { useTempFolder } from '../support/temp-folder.js';

/** A quarter of what the ledger alone goes through: each takes two programs and a link. */
const CYCLES = Math.ceil(Number(process.env.KILL_CYCLES ?? 16) / 4);
const VILLAGE = 'bamenda';

describe('killing node and centre at any moment', function () {
  this.timeout(30_000 + CYCLES * 10_000);
  let centre: SimulatedCentre | undefined;
  let node: ProgramProcess | undefined;
  let link: SimulatedLink | undefined;
  let poster: PatientPoster | undefined;
  afterEach(async () => {
    // A poster waits for its acknowledgement, so the node goes last.
    if (node && !node.isRunning) await node.start();
    await poster?.stop();
    await node?.stop();
    await link?.stop();
    await centre?.stop();
  });
  const folder = useTempFolder();

  itWithSeed(`loses and duplicates nothing in ${CYCLES} kills`, async (random) => {
    const server = await centreProgram(`${folder.path}/centre`);
    centre = server;
    await server.start();
    const network = new SimulatedLink({ targetPort: server.port, roundTripMs: 20 });
    link = network;
    await network.start();
    const env = {
      API_URL: network.url,
      CENTRAL_PASSWORD: await server.addVillage(VILLAGE),
      ...{ SEGMENT_MAX_DOCS: '200', SYNC_TIMEOUT: '2', CONNECTIVITY_INTERVAL: '0.2' },
    };
    const edge = await edgeProgram({ villageId: VILLAGE, dataPath: `${folder.path}/edge`, env });
    node = edge;
    await edge.start();
    const posting = new PatientPoster({
      village: VILLAGE,
      nodeUrl: () => edge.url,
      devices: ['m1', 'm2', 'm3'],
      random,
    });
    poster = posting;

    for (let cycle = 0; cycle < CYCLES; cycle++) {
      await sleep(random.integer(100, 700));
      const isCut = random.chance(0.3);
      if (isCut) network.cut();
      const victim = random.chance(0.6) ? edge : server.process;
      await victim.kill('SIGKILL');
      if (random.chance(0.5)) await sleep(random.integer(0, 300));
      await victim.start();
      if (isCut) network.restore();
    }

    await posting.stop();
    const client = new ProgramClient({ url: edge.url, peer: 'the node' });
    const init = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"maxRetries":10,"retryIntervalS":0.2}',
    };
    let result: OneShotResult | undefined;
    for await (const line of client.lines<OneShotResult>('/v1/replicate', init)) result = line;
    expect(result).to.include({ event: 'done', ok: true, pending: 0 });
    const report = await auditVillage(server.analyst, posting.acknowledged);
    expect(report.problems).to.deep.equal([]);
    expect(report.acknowledged).to.be.greaterThan(50);
    expect([report.confirmed, report.atCentre]).to.deep.equal([report.acknowledged, report.acknowledged]);
  });
});
