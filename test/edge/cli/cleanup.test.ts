import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { freePort } from '../../support/free-port.js';
import { type CleanupServer, serveCleanup } from '../api/cleanup-server.js';
import { daysAgo, keeperOverShelf, MB, type ShelfUnderTest } from '../ledger/fake-shelf.js';
import { solarEdge, type VerbResult } from './solar-edge.js';

describe('solar-edge cleanup', () => {
  let test: ShelfUnderTest;
  let server: CleanupServer;
  beforeEach(async () => {
    test = keeperOverShelf();
    server = await serveCleanup(test.keeper);
  });
  afterEach(() => server.close());

  const cleanup = (...flags: string[]): Promise<VerbResult> => solarEdge(['cleanup', '--edge', server.url, ...flags]);

  it('tells people what was freed and why the rest is kept', async () => {
    for (const days of [9, 8]) test.shelf.add(2.5 * MB, { sealedAt: daysAgo(days), confirmedAt: daysAgo(1) });
    for (let n = 0; n < 3; n++) test.shelf.add(MB);
    test.shelf.add(4 * MB, { confirmedAt: daysAgo(1) });
    const { code, stdout, stderr } = await cleanup();
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.equal(
      '2 segments with 200 documents deleted, 5.00 MB freed.\nThe store takes 7.00 MB.\n' +
        'Segments kept: 3 not confirmed by the centre, 1 confirmed but not due, 1 open for writing.\n',
    );
  });

  it('says so when there was nothing to delete', async () => {
    test.shelf.last.bytes = MB;
    const { code, stdout } = await cleanup();
    expect([code, stdout]).to.deep.equal([
      0,
      'Nothing was deleted.\nThe store takes 1.00 MB.\nSegments kept: 1 open for writing.\n',
    ]);
  });

  it('--all-confirmed deletes what is confirmed but not due; --json prints what the node answers', async () => {
    test.shelf.add(4 * MB, { confirmedAt: daysAgo(0) });
    const kept = await cleanup('--json');
    expect(JSON.parse(kept.stdout)).to.deep.equal({
      ...{ segments: 0, documents: 0, bytes: 0, usedBytes: 4 * MB },
      kept: { unconfirmed: 0, notDue: 1, open: 1 },
    });
    const { code, stdout } = await cleanup('--json', '--all-confirmed');
    expect([code, JSON.parse(stdout)]).to.deep.equal([
      0,
      {
        ...{ segments: 1, documents: 100, bytes: 4 * MB, usedBytes: 0 },
        kept: { unconfirmed: 0, notDue: 0, open: 1 },
      },
    ]);
  });

  it('exits 1 when something could not be deleted, and says which and why', async () => {
    for (let n = 0; n < 2; n++) test.shelf.add(MB, { confirmedAt: daysAgo(0) });
    test.shelf.undeletable.set(1, 'EIO: i/o error');
    const { code, stdout, stderr } = await cleanup('--all-confirmed');
    expect([code, stderr]).to.deep.equal([1, 'segment 1 could not be deleted and is tried again: EIO: i/o error\n']);
    expect(stdout).to.contain('1 segment with 100 documents deleted, 1.00 MB freed.');
  });

  it('exits 1 when no node answers', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await solarEdge(['cleanup', '--edge', nowhere]);
    expect([code, stdout]).to.deep.equal([1, '']);
    expect(stderr).to.match(/^error: the node at http:\/\/127\.0\.0\.1:\d+ cannot be reached: /);
  });
});
