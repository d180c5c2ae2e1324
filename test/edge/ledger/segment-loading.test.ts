import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Acknowledged } from '../../../edge/ledger/acknowledged-mark.js';
import { DamagedError } from '../../../edge/ledger/damaged-error.js';
import { OpenDatabases } from '../../../edge/ledger/open-databases.js';
import type { Segment } from '../../../edge/ledger/segment.js';
import { loadSegments } from '../../../edge/ledger/segment-loading.js';
import type { AppError } from '../../../shared/app-error.js';
import { UPDATE_SEQ_KEY } from '../../../shared/pouchdb-layout.js';
import { tamper } from './raw-store.js';
import { NODE } from './segment-documents.js';
import { NOW, useSegments } from './segment-under-test.js';

describe('the loading of segments', () => {
  const segments = useSegments();

  const load = async (acknowledged?: Acknowledged, node = NODE) => {
    await segments.databases.closeAll();
    return loadSegments(segments.databases, segments.root, { node, acknowledged, nowText: NOW });
  };
  const make = async (...sizes: number[]): Promise<Segment[]> => {
    const made: Segment[] = [];
    let firstSeq = 1;
    for (const [index, size] of sizes.entries()) {
      const segment = await segments.make(size, { number: index + 1, firstSeq });
      if (index < sizes.length - 1) await segment.seal(NOW, segment.lastSeq);
      firstSeq += size;
      made.push(segment);
    }
    await segments.databases.closeAll();
    return made;
  };
  const cutManifest = async (segment: Segment | undefined) => {
    const folder = segment?.folder ?? '';
    const name = (await readdir(folder)).find((file) => file.startsWith('MANIFEST')) ?? '';
    await truncate(path.join(folder, name), 2);
  };

  it('finds them in the order of their numbers, with what they hold', async () => {
    await make(2, 3, 1);
    const loaded = await load();
    expect(loaded.map(({ number, firstSeq, lastSeq, sealed }) => [number, firstSeq, lastSeq, sealed])).to.deep.equal([
      [1, 1, 2, true],
      [2, 3, 5, true],
      [3, 6, 6, false],
    ]);
  });

  it('orders numbers beyond six digits as numbers, and passes over what is no segment', async () => {
    await segments.make(1, { number: 999_999 });
    await segments.make(1, { number: 1_000_000, firstSeq: 2 });
    await mkdir(path.join(segments.root, 'lost+found'));
    await writeFile(path.join(segments.root, 'notes.txt'), '');
    expect((await load()).map(({ number }) => number)).to.deep.equal([999_999, 1_000_000]);
    expect(await readdir(segments.root)).to.include.members(['lost+found', 'notes.txt']);
  });

  it('ends what a crash left half-way, and never takes a half copy for a segment', async () => {
    await make(2, 3);
    for (const name of ['000002.rebuilt', '000000.dropped']) {
      await mkdir(path.join(segments.root, name));
      await writeFile(path.join(segments.root, name, '000003.log'), 'half');
    }
    expect((await load()).map(({ count }) => count)).to.deep.equal([2, 3]);
    expect((await readdir(segments.root)).sort()).to.deep.equal(['000001', '000002']);
  });

  it('forgets a segment that was never finished being made, and only that', async () => {
    await make(2);
    await segments.databases.use(path.join(segments.root, '000002'), async () => undefined);
    expect((await load()).map(({ number }) => number)).to.deep.equal([1]);
    expect(await readdir(segments.root)).to.deep.equal(['000001']);
  });

  it('takes one without a record for damaged where it holds documents', async () => {
    const made = await make(2, 3, 1);
    await tamper(made[1]?.folder ?? '', { 'ÿlocal-storeÿ_local/segment': undefined });
    const [, found] = await load();
    expect(found?.damage).to.be.instanceOf(DamagedError);
    expect(found?.record).to.include({ number: 2, node: NODE, firstSeq: 3, lastSeq: 5 });
  });

  for (const [what, harm] of Object.entries({
    'cannot be opened': cutManifest,
    'has a sequence that cannot be read': (segment: Segment | undefined) =>
      tamper(segment?.folder ?? '', { [UPDATE_SEQ_KEY]: '{' }),
  })) {
    it(`knows from its neighbours which numbers a segment holds that ${what}`, async () => {
      const made = await make(2, 3, 4, 1);
      for (const index of [0, 1, 2]) {
        await segments.databases.closeAll();
        await harm(made[index]);
        const loaded = await load();
        expect(loaded.map(({ damage }) => damage !== undefined)).to.deep.equal([0, 1, 2, 3].map((n) => n <= index));
        const { firstSeq, lastSeq } = loaded[index] ?? {};
        expect(loaded[index]?.node).to.equal(NODE);
        expect(lastSeq).to.equal(made[index]?.lastSeq);
        if (index === 0) expect(firstSeq).to.equal(1);
      }
    });
  }

  it('knows of the last one from the mark how far its numbers went', async () => {
    const made = await make(2, 3);
    await cutManifest(made[1]);
    const [, last] = await load({ node: NODE, seq: 5 });
    expect(last?.record).to.include({ node: NODE, firstSeq: 3, lastSeq: 5 });
    expect(last?.pending).to.equal(3);
  });

  it('does not claim to know how far the numbers of the last one went where the mark is gone, too', async () => {
    const made = await make(2, 3);
    await cutManifest(made[1]);
    const [, last] = await load();
    expect(last?.record).to.include({ node: NODE, firstSeq: 3 });
    expect(last?.record.lastSeq).to.equal(undefined);
  });

  it('does not take a full disk for damage: nothing is loaded then, and nothing changed', async () => {
    await make(2, 3);
    const open = () => {
      throw new Error('IO error: No space left on device');
    };
    const full = new OpenDatabases({ database: { leveldown: Object.assign(open, { destroy: () => undefined }) } });
    const store = { node: NODE, acknowledged: undefined, nowText: NOW };
    const failure = await loadSegments(full, segments.root, store).catch((error: AppError) => error);
    expect(failure).to.be.instanceOf(Error).and.not.instanceOf(DamagedError);
    await full.closeAll();
    expect((await load()).map(({ count }) => count)).to.deep.equal([2, 3]);
  });
});
