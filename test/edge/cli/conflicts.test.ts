import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Conflict } from '../../../shared/registry/registry-view.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { editApart } from '../api/edits-apart.js';
import { useNodes } from '../api/node-under-test.js';
import { askRegistry, putDocument } from '../api/registry-client.js';
import { solarEdge } from './solar-edge.js';

const METER = { model: 'SDM-120', serial: '4711', role: 'customer' };

describe('solar-edge conflicts', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  async function nodeInConflict(): Promise<string> {
    const before = await nodes.start(folder.path);
    await putDocument(before.url, 'device/m1', METER);
    await before.stop();
    const here = { ...METER, serial: 'village' };
    await editApart(folder.path, { type: 'device', id: 'm1', here, there: { ...METER, serial: 'centre' } });
    return (await nodes.start(folder.path)).url;
  }

  it('lists each with its values, who gave them, and how to keep one; settle keeps it', async () => {
    const url = await nodeInConflict();
    const edge = ['--edge', url];
    const { stdout } = await solarEdge(['conflicts', 'list', ...edge]);
    expect(stdout).to.match(/^device\/m1: 2 versions$/m);
    const rev = /^ {2}serial: "centre" {2}\(amina, .*Z, --keep (\S+)\)$/m.exec(stdout)?.[1] ?? '';
    const settled = await solarEdge(['conflicts', 'settle', 'device/m1', '--keep', rev, ...edge]);
    expect([settled.code, settled.stdout, settled.stderr]).to.deep.equal([0, 'device/m1 is settled.\n', '']);
    expect((await askRegistry(url, 'GET', 'registry/device/m1')).body.serial).to.equal('centre');
    const after = await solarEdge(['conflicts', 'list', ...edge]);
    expect([after.code, after.stdout]).to.deep.equal([0, 'There are no open conflicts.\n']);
    const again = await solarEdge(['conflicts', 'settle', 'device/m1', '--keep', rev, ...edge]);
    expect(again.code).to.equal(2);
    expect(again.stderr).to.contain('there is no open conflict of device:m1');
  });

  it('settles by a merged document from a file, and prints JSON where asked', async () => {
    const url = await nodeInConflict();
    const edge = ['--json', '--edge', url];
    const listed = (await solarEdge(['conflicts', 'list', ...edge])).lines()[0] as unknown as { items: Conflict[] };
    expect(listed.items.map(({ _id }) => _id)).to.deep.equal(['device:m1']);
    const file = path.join(folder.path, 'merged.json');
    await writeFile(file, JSON.stringify({ ...METER, serial: 'merged' }));
    const settled = await solarEdge(['conflicts', 'settle', 'device/m1', '--doc', file, ...edge]);
    expect([settled.code, settled.lines()[0]?.serial]).to.deep.equal([0, 'merged']);
  });

  it('says what is wrong with how it was called, and ends with 2', async () => {
    for (const [args, named] of [
      [['device/m1'], '--keep'],
      [['device/m1', '--keep', '1-a', '--doc', 'x.json'], '--keep'],
      [['device', '--keep', '1-a'], 'device is not a document'],
      [['device/m1', '--doc', 'there-is-none.json'], 'there-is-none.json'],
    ] as const) {
      const { code, stderr } = await solarEdge(['conflicts', 'settle', ...args, '--edge', 'http://127.0.0.1:9']);
      expect([code, stderr.includes(named)], stderr).to.deep.equal([2, true]);
    }
  });
});
