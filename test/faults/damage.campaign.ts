/**
 * Files that a disk has damaged: on a copy of a store of several segments some files are harmed at random places, and a
 * real node is started on it. DAMAGE_ROUNDS sets how often (5), TEST_SEED plays one run again.
 */
import path from 'node:path';
import { expect } from 'chai';
import { after, afterEach, before, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { SeededRandom } from '../../sim/random.js';
import { type FolderContent, refillFolder } from '../support/data-folder.js';
import { chooseFiles, damageFile } from '../support/file-damage.js';
import { testSeed } from '../support/seeds.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { buildStore, type StoreBefore, watchRepair } from './damaged-store.js';
import { RestartedNode } from './restarted-node.js';

const ROUNDS = Number(process.env.DAMAGE_ROUNDS ?? 5);

const seed = testSeed();
describe(`a store some of whose files were damaged (TEST_SEED=${seed})`, function () {
  this.timeout(60_000 + ROUNDS * 30_000);
  const random = new SeededRandom(seed);
  let parent: string | undefined;
  let store: StoreBefore;
  let folder: string;
  let node: RestartedNode | undefined;

  before(async () => {
    parent = await createTempFolder();
    folder = path.join(parent, 'built');
    store = await buildStore(folder, random);
  });

  afterEach(async () => {
    await node?.kill();
  });

  after(async () => {
    if (parent !== undefined) await removeFolder(parent);
  });

  async function startOn(name: string, content: FolderContent): Promise<RestartedNode> {
    const next = path.join(path.dirname(folder), name);
    await refillFolder(folder, next, content);
    folder = next;
    node = new RestartedNode(folder, store.settings, { isProgram: true });
    return node;
  }

  it('loses nothing while nothing is damaged', async () => {
    const { problems, lost } = await watchRepair(await startOn('whole', store.content), store);
    expect(problems).to.deep.equal([]);
    expect(lost).to.equal(0);
  });

  it(`serves at once, takes data throughout, and lists or counts as lost whatever was acknowledged (${ROUNDS} rounds)`, async () => {
    const problems: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const damaged = await startOn(`round${round}`, store.content);
      const done: string[] = [];
      for (const name of chooseFiles([...store.content.files.keys()], random)) {
        done.push(await damageFile(folder, name, random));
      }
      const found = await watchRepair(damaged, store).then(
        (result) => result.problems,
        (error: unknown) => [messageOf(error)],
      );
      await damaged.kill();
      problems.push(...found.map((problem) => `round ${round}, ${done.join(', ')}: ${problem}`));
    }
    expect(problems).to.deep.equal([]);
  });
});
