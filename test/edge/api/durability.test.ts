import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { FaultyDisk } from '../ledger/faulty-leveldown.js';
import { contentOf } from '../ledger/ingest-model.js';
import { everything, numbersByNode, openStore, upTo } from '../ledger/store-under-test.js';
import { ask, listAll, post } from './node-client.js';
import { SEGMENT_SIZES } from './node-under-test.js';
import { type RestStore, serveStore } from './rest-over-store.js';

const reading = (n: number, device = 'm1') => ({
  device,
  at: new Date(Date.UTC(2026, 2, 1) + n * 1000).toISOString(),
  powerW: n,
});

for (const segmentMaxDocs of SEGMENT_SIZES.map(Number)) {
  describe(`what is answered with 201 (rolls at ${segmentMaxDocs})`, () => {
    let running: RestStore | undefined;

    afterEach(async () => {
      await running?.close();
      running = undefined;
    });

    const folder = useTempFolder();

    async function serve(disk: FaultyDisk): Promise<RestStore> {
      running = await serveStore({ folder: folder.path, segmentMaxDocs, leveldown: disk.leveldown });
      return running;
    }

    it('is on the disk, and concurrent requests share its synced batches', async () => {
      const disk = new FaultyDisk();
      const { url, ledger } = await serve(disk);
      const answers = await Promise.all(
        upTo(200).map(async (n) => {
          const { status } = await post(url, 'readings', reading(n));
          return { status, writes: disk.writes.filter(({ acknowledgedMs }) => acknowledgedMs !== undefined).length };
        }),
      );
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([201]));
      expect(answers.every(({ writes }) => writes > 0)).to.equal(true);
      expect(disk.writes.filter(({ sync }) => !sync)).to.deep.equal([]);
      expect(disk.writes.length).to.be.lessThan(120);
      expect((await everything(ledger)).map(({ seq }) => seq)).to.deep.equal(upTo(200));
    });

    // Rolling every seventh of so many documents would test patience, and the queue does not see segments.
    const itOnce = segmentMaxDocs === 7 ? () => undefined : it;
    itOnce(
      'is not more than the queue may hold: beyond it the answer is busy and when to come again',
      async function () {
        this.timeout(60_000);
        const disk = new FaultyDisk();
        const { url, ledger, ingest } = await serve(disk);
        let openGate = () => {};
        disk.gate = new Promise<void>((resolve) => {
          openGate = resolve;
        });
        const size = 16_000;
        // One document many times over: it is the queue that is to be full, not the disk.
        const late = upTo(20_000).map(() => reading(1, 'late'));
        const writes = disk.writes.length;
        const first = post(url, 'readings', reading(1, 'm0'));
        await waitFor(() => disk.writes.length > writes, { what: 'the first write' });
        const more = [1, 2, 3].map((n) =>
          post(
            url,
            'readings',
            upTo(size).map(() => reading(1, `m${n}`)),
          ),
        );
        await waitFor(() => ingest.waiting === 3 * size, { what: 'the queue to be full', timeoutMs: 30_000 });
        const busy = await post(url, 'readings', late);
        expect(busy.status).to.equal(503);
        expect([busy.body.error?.code, Number(busy.headers.get('retry-after')) > 0]).to.deep.equal(['busy', true]);
        disk.gate = undefined;
        openGate();
        expect((await Promise.all([first, ...more])).map(({ status }) => status)).to.deep.equal([201, 201, 201, 201]);
        expect(ledger.lastSeq).to.equal(4);
      },
    );

    for (const lands of [false, true]) {
      it(`stays, whatever write fails ${lands ? 'after' : 'before'} it reached the disk; what failed is told, and taken when sent again`, async () => {
        const disk = new FaultyDisk();
        const { url, ledger } = await serve(disk);
        const message = 'IO error: /data/segments/000001/000003.log: No space left on device';
        disk.faultAt = (_, index) => (index % 5 === 4 ? { lands, ...(index % 2 === 0 ? { message } : {}) } : undefined);
        const refusals: string[] = [];
        const reading500s: number[] = [];
        let done = false;
        const readers = upTo(3).map(async () => {
          while (!done) {
            const { status } = await ask(`${url}/v1/readings?limit=5`);
            if (status !== 200 && status !== 503) reading500s.push(status);
          }
        });
        const senders = upTo(4).map(async (sender) => {
          for (const n of upTo(10)) {
            for (;;) {
              const answer = await post(url, 'readings', reading(n, `m${sender}`));
              if (answer.status === 201) break;
              refusals.push(`${answer.status} ${answer.body.error?.code}`);
              expect(Number(answer.headers.get('retry-after'))).to.be.greaterThan(0);
              expect(refusals.length).to.be.lessThan(500);
            }
          }
        });
        await Promise.all(senders).finally(() => {
          done = true;
        });
        await Promise.all(readers);
        const kinds = new Set(refusals);
        for (const kind of kinds) expect(kind).to.be.oneOf(['503 storage_failed', '507 storage_full']);
        expect(kinds.size).to.be.greaterThan(0);
        expect(reading500s).to.deep.equal([]);
        const wanted = upTo(4).flatMap((sender) => upTo(10).map((n) => contentOf(reading(n, `m${sender}`))));
        disk.faultAt = () => undefined;
        expect((await listAll(url, 'readings')).map(contentOf).sort()).to.deep.equal(wanted.sort());
        expect(numbersByNode(await everything(ledger))).to.deep.equal({ [ledger.node]: upTo(40) });
        await running?.close();
        running = undefined;
        const reopened = await openStore({ folder: folder.path, segmentMaxDocs });
        try {
          expect((await everything(reopened.ledger)).map(contentOf).sort()).to.deep.equal(wanted);
        } finally {
          await reopened.close();
        }
      });
    }
  });
}
