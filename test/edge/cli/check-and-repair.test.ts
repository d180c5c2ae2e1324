import { readdir, truncate } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import type { EdgeNode } from '../../../edge/node.js';
import { sequenceKey } from '../../../shared/pouchdb-layout.js';
import { freePort } from '../../support/free-port.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { ask, listAll, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';
import { dump, tamper } from '../ledger/raw-store.js';
import { solarEdge } from './solar-edge.js';

const SETTINGS = { SEGMENT_MAX_DOCS: '5' };
const READINGS = Array.from({ length: 17 }, (_, n) => ({
  device: 'm1',
  at: new Date(Date.UTC(2026, 2, 1) + n * 1000).toISOString(),
  powerW: n,
}));

describe('solar-edge check and repair', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  /** A store of 18 documents, the boot event first, in four segments, the last one open; and nobody has it open. */
  beforeEach(async () => {
    const node = await nodes.start(folder.path, SETTINGS);
    for (const reading of READINGS) expect((await post(node.url, 'readings', reading)).status).to.equal(201);
    await node.stop();
  });

  const segmentFolder = (number: number) => path.join(folder.path, 'segments', String(number).padStart(6, '0'));
  /** Changes a document and takes another away; 8 and 17 of the numbers. */
  const damage = async () => {
    const key = sequenceKey(3);
    const json = (await dump(segmentFolder(2))).get(key) ?? '';
    await tamper(segmentFolder(2), { [key]: json.replace('"powerW":6', '"powerW":7') });
    await tamper(segmentFolder(4), { [sequenceKey(2)]: undefined });
  };
  const verb = async (node: EdgeNode | undefined, ...args: string[]) => {
    if (node) return solarEdge([...args, '--edge', node.url]);
    const env = { VILLAGE_ID: 'kano', LOCAL_CACHE_PATH: folder.path, EDGE_PORT: String(await freePort()) };
    return solarEdge(args, { ...env, SYNC_SCHEDULE: 'off', MIN_FREE_MB: '0', ...SETTINGS });
  };
  const statusOf = async (node: EdgeNode) => (await ask(`${node.url}/v1/status`)).body.store ?? {};

  for (const how of ['asked of the running node', 'with the store opened by the verb']) {
    const start = () => (how.startsWith('asked') ? nodes.start(folder.path, SETTINGS) : undefined);

    it(`says in one line that everything is sound, and exits 0 (${how})`, async () => {
      const node = await start();
      // A node at work adds an event of its own: the boot.
      const sound = new RegExp(`^Everything is sound: 4 segments with ${node ? 19 : 18} whole documents\\.\n$`);
      for (const name of ['check', 'repair']) {
        const { code, stdout, stderr } = await verb(node, name);
        expect([code, stderr]).to.deep.equal([0, '']);
        expect(stdout).to.match(sound);
      }
    });

    it(`check names what is damaged, exits 1 and changes nothing; repair mends it (${how})`, async () => {
      await damage();
      const node = await start();
      for (let n = 0; n < 2; n++) {
        const { code, stdout, stderr } = await verb(node, 'check');
        expect([code, stderr]).to.deep.equal([1, '']);
        const [first, second, summary] = stdout.split('\n');
        expect(first).to.match(/^segment 2 \(node [a-z0-9]{6}\): document 8 is not what was written$/);
        expect(second).to.match(/^segment 4 \(node .*\): the entry .*|^segment 4 .*1 number missing \(17\)$/);
        expect(summary).to.match(
          /^Not everything is sound: 4 segments with 1[67] whole documents, 2 damaged, 1 number/,
        );
      }
      const { code, stdout } = await verb(node, 'repair');
      expect(code).to.equal(0);
      expect(stdout).to.contain('\nsegment 2 repaired: 4 documents kept, 1 lost (8)\n');
      expect(stdout).to.contain(`\nsegment 4 repaired: ${node ? 3 : 2} documents kept, 1 lost (17)\n`);
      expect(stdout).to.match(/\nEverything is sound: .*, 2 damaged, 2 repaired, 2 numbers counted as lost\.\n$/);
      const after = await verb(node, 'check');
      expect(after.code).to.equal(0);
      expect(after.stdout).to.contain('segment 2').and.contain('1 number lost, counted before (8)');
      expect(await readdir(path.join(folder.path, 'damaged'))).to.have.length(2);
    });

    it(`prints a JSON line per segment, and a last one that sums up (${how})`, async () => {
      await damage();
      const node = await start();
      const checked = (await verb(node, 'check', '--json')).lines();
      const segments = checked.filter(({ event }) => event === 'segment');
      expect(segments.map(({ segment, ok }) => [segment, ok]).slice(0, 4)).to.deep.equal([
        [1, true],
        [2, false],
        [3, true],
        [4, false],
      ]);
      expect(segments[1]).to.include({ firstSeq: 6, lastSeq: 10, documents: 4 });
      expect(segments[3]).to.deep.include({
        firstSeq: 16,
        documents: node ? 3 : 2,
        missing: [[17, 17]],
        lost: [],
        elsewhere: [],
      });
      expect(checked.at(-2)).to.deep.equal({
        ...{ event: 'bookkeeping', state: 'readable', quarantine: 'readable', ok: true },
      });
      expect(checked.at(-1)).to.include({ event: 'done', ok: false, damaged: 2, missing: 1, lost: 0 });
      const repaired = (await verb(node, 'repair', '--json')).lines();
      expect(repaired.filter(({ event }) => event === 'repaired')).to.deep.equal([
        { event: 'repaired', segment: 2, kept: 4, lost: [[8, 8]], damaged: [], ok: true },
        { event: 'repaired', segment: 4, kept: node ? 3 : 2, lost: [[17, 17]], damaged: [], ok: true },
      ]);
      expect(repaired.at(-1)).to.include({ event: 'done', ok: true, repaired: 2, missing: 0, lost: 2 });
    });
  }

  it('repairs the segment that is written to while data is taken, without a gap in the numbers', async () => {
    await damage();
    const node = await nodes.start(folder.path, SETTINGS);
    const posting = (async () => {
      for (let n = 100; n < 160; n++) {
        const at = new Date(Date.UTC(2026, 2, 1) + n * 1000).toISOString();
        expect((await post(node.url, 'readings', { device: 'm2', at, powerW: n })).status).to.equal(201);
      }
    })();
    const { code } = await verb(node, 'repair');
    await posting;
    expect(code).to.equal(0);
    expect((await listAll(node.url, 'readings')).length).to.equal(READINGS.length - 2 + 60);
    const { lastSeq, lost } = await statusOf(node);
    // On a busy machine the node has told of the lost numbers by now, with an event for each segment.
    expect(lastSeq).to.be.within(79, 81);
    expect(lost).to.equal(2);
    expect((await verb(node, 'check')).code).to.equal(0);
  });

  it('a node whose segment cannot be opened starts, mends it by itself and says what is lost', async () => {
    const manifest = (await readdir(segmentFolder(3))).find((name) => name.startsWith('MANIFEST')) ?? '';
    await truncate(path.join(segmentFolder(3), manifest), 3);
    const node = await nodes.start(folder.path, SETTINGS);
    expect((await verb(node, 'repair')).code).to.equal(0);
    expect((await listAll(node.url, 'readings')).length).to.equal(READINGS.length);
    expect(await statusOf(node)).to.include({ lost: 0, lastSeq: 19 });
  });
});
