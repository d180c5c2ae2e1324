/**
 * Power cuts, played back from a recording of what a node really asked of the disk: the system calls of a real process
 * under load (where they cannot be seen, what shows in its folder). The folder is put into a state that a power cut at some moment of it can leave behind, and a node is
 * started on that. POWER_CUTS sets how many there are (12), TEST_SEED plays one run again.
 */
import path from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { SeededRandom } from '../../sim/random.js';
import { ask, listUnlessRepairing, post } from '../edge/api/node-client.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { contentsOf } from '../support/batches.js';
import { refillFolder } from '../support/data-folder.js';
import type { DiskRecording } from '../support/disk-events.js';
import { type Durability, folderAfterCut } from '../support/power-cut.js';
import { testSeed } from '../support/seeds.js';
import { isWithin, numberProblems, readStoredTelemetry } from '../support/stored-telemetry.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';
import { RECORDED, recordNode, type Scene, type Take } from './recorded-node.js';
import { RestartedNode } from './restarted-node.js';

const CUTS = Number(process.env.POWER_CUTS ?? 12);

const SCENES: readonly Scene[] = [
  { title: 'while logs and tables turn over', segmentMaxDocs: 200_000, documents: 6_000, maxBatch: 40 },
  { title: 'while segments roll', segmentMaxDocs: 60, documents: 1_000, maxBatch: 12 },
];

/** Accepted after every cut. */
const FRESH = { device: 'late', at: '2026-04-01T00:00:00.000Z', powerW: 1 };

for (const scene of SCENES) {
  const seed = testSeed();
  describe(`a power cut ${scene.title}, ${RECORDED} (TEST_SEED=${seed})`, function () {
    this.timeout(60_000 + CUTS * 4_000);
    const random = new SeededRandom(seed);
    const cuts = Math.ceil(CUTS / SCENES.length / 2);
    let parent: string | undefined;
    let take: Take;
    let folder: string;
    let node: RestartedNode | undefined;

    before(async () => {
      parent = await createTempFolder();
      take = await recordNode(parent, scene, random);
      ({ folder } = take);
    });

    afterEach(async () => {
      await node?.kill();
    });

    after(async () => {
      if (parent !== undefined) await removeFolder(parent);
    });

    async function problemsAfter(n: number, count: number, durability: Durability): Promise<string[]> {
      const next = path.join(path.dirname(folder), `${durability}${n}`);
      await refillFolder(folder, next, folderAfterCut(take.recording, count, durability, random));
      folder = next;
      node = new RestartedNode(folder, take.settings, { isProgram: n % 5 === 0 });
      const before = take.recording.events.slice(0, count);
      const acknowledged = before.flatMap((event) => (event.kind === 'acknowledged' ? [event.batch] : []));
      return judge(node, take, contentsOf(take.batches, acknowledged), durability);
    }

    async function cutOften(durability: Durability): Promise<void> {
      const { recording } = take;
      const problems: string[] = [];
      for (let n = 0; n < cuts; n++) {
        const count = momentOf(recording, n, random);
        const found = await problemsAfter(n, count, durability).catch((error: unknown) => [messageOf(error)]);
        await node?.kill();
        problems.push(...found.map((one) => `cut ${n} behind event ${count} of ${recording.events.length}: ${one}`));
      }
      expect(problems).to.deep.equal([]);
    }

    it(`loses nothing acknowledged (${cuts} cuts)`, () => cutOften('lenient'));

    it(`loses nothing acknowledged without counting it, even where folders forget their entries (${cuts} cuts)`, () =>
      cutOften('strict'));
  });
}

/** Right behind an acknowledgement, right before or behind a sync, or anywhere. */
function momentOf({ events }: DiskRecording, n: number, random: SeededRandom): number {
  const wanted = (['acknowledged', 'sync', 'sync', undefined] as const)[n % 4];
  const places = events.flatMap(({ kind }, index) => (wanted === undefined || kind === wanted ? [index] : []));
  const place = places[random.integer(0, places.length - 1)] ?? 0;
  return n % 4 === 1 ? place : place + 1;
}

/** What is wrong with a node that was started after a cut; empty when nothing is. */
async function judge(
  node: RestartedNode,
  take: Take,
  acknowledged: Set<string>,
  durability: Durability,
): Promise<string[]> {
  await node.start();
  const { url } = node;
  const answer = await post(url, 'readings', FRESH);
  const listed = await waitFor(() => listUnlessRepairing(url, 'readings'), { what: 'the list', timeoutMs: 60_000 });
  const { body } = await ask(`${url}/v1/status`);
  const problems = await node.stop();
  if (answer.status !== 201) problems.push(`a new reading was answered with ${answer.status} ${answer.text}`);
  const stored = await readStoredTelemetry(node.folder);
  problems.push(...numberProblems(stored).slice(0, 5));
  const known = new Set(listed.map(contentOf));
  if (known.size !== listed.length) problems.push('a reading is listed twice');
  const sent = contentsOf(take.batches, take.batches.keys()).add(contentOf(FRESH));
  problems.push(...[...known].filter((one) => !sent.has(one)).map((one) => `never sent: ${one}`));
  const missing = [...acknowledged].filter((one) => !known.has(one));
  const untold = missing.filter((one) => {
    const number = take.numbers.get(one);
    return !number || !isWithin(stored.lost.get(number.node), number.seq);
  });
  const lost = Number(body.store?.lost);
  const counts = `${acknowledged.size} acknowledged, ${missing.length} missing, ${untold.length} of them not told, store.lost ${lost}`;
  if (untold.length > 0) problems.push(`${counts}; first ${JSON.stringify(take.numbers.get(untold[0] ?? ''))}`);
  if (durability === 'lenient' && missing.length + lost > 0) problems.push(`something is lost: ${counts}`);
  if (lost < missing.length) problems.push(`too little is counted: ${counts}`);
  return problems;
}
