import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { EdgeNode } from '../../../edge/node.js';
import type { TelemetryDocument } from '../../../shared/documents.js';
import { openDatabase } from '../../../shared/pouchdb.js';
import { SettableClock } from '../../support/settable-clock.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { listAll, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('a node whose clock cannot be trusted', () => {
  const nodes = useNodes();
  const folder = useTempFolder();
  const timesOf = async (node: EdgeNode) => (await listAll(node.url, 'readings')).map(({ at }) => at);

  async function events(): Promise<TelemetryDocument[]> {
    const database = await openDatabase(path.join(folder.path, 'segments', '000001'));
    try {
      const { rows } = await database.allDocs({ startkey: 'kano:e:', endkey: 'kano:e:\uffff', include_docs: true });
      return rows.map(({ doc }) => doc as TelemetryDocument).sort((a, b) => a.seq - b.seq);
    } finally {
      await database.close();
    }
  }

  it('marks what it stores, says so, and marks nothing on a later boot with the right time', async () => {
    const lost = await nodes.start(folder.path, {}, new SettableClock(0));
    await post(lost.url, 'readings', [
      { device: 'm1', powerW: 1 },
      { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 2 },
    ]);
    const status = await lost.status();
    expect(status.clock).to.equal('unsure');
    expect(status.alerts.map(({ code }) => code)).to.deep.equal(['clock']);
    expect((await listAll(lost.url, 'readings')).map(({ at, clock }) => [at, clock])).to.deep.equal([
      ['1970-01-01T00:00:00.000Z', 'unsure'],
      ['2026-03-01T00:00:00.000Z', 'unsure'],
    ]);
    await lost.stop();
    const found = await nodes.start(folder.path);
    const repeated = { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 2 };
    expect((await post(found.url, 'readings', [repeated, { device: 'm1', powerW: 3 }])).body).to.include({
      accepted: 1,
      duplicates: 1,
    });
    expect((await listAll(found.url, 'readings')).map(({ clock }) => clock)).to.deep.equal([
      'unsure',
      'unsure',
      undefined,
    ]);
    expect((await found.status()).clock).to.equal('sure');
  });

  it('remembers across boots how late it was', async () => {
    const first = await nodes.start(folder.path, {}, new SettableClock(Date.now() + DAY));
    expect((await first.status()).clock).to.equal('sure');
    await first.stop();
    const second = await nodes.start(folder.path);
    expect((await second.status()).clock).to.equal('unsure');
  });

  it('gives no time twice in two boots into 1970, even where the documents of the first are gone', async () => {
    const given: string[] = [];
    for (const powerW of [1, 2, 3]) {
      const node = await nodes.start(folder.path, {}, new SettableClock(2000));
      const answer = await post(node.url, 'readings', [{ device: 'm1', powerW }]);
      expect([answer.status, answer.body.accepted]).to.deep.equal([201, 1]);
      given.push(...(await timesOf(node)));
      await node.stop();
      // As after delivery and deletion: nothing stored says any more which times were given.
      await rm(path.join(folder.path, 'segments'), { recursive: true });
    }
    expect(given).to.have.length(3);
    expect(new Set(given).size).to.equal(3);
  });

  for (const [what, fromMs, toMs] of [
    ['forward over the end of 32-bit seconds', Date.UTC(2038, 0, 19, 3, 14, 6), Date.UTC(2038, 0, 20)],
    ['back from 2106 by years', Date.UTC(2106, 1, 7, 6, 28, 14), Date.UTC(2027, 0, 1)],
    ['from 1970 to today', 2000, Date.now()],
    ['back by a day', Date.now(), Date.now() - DAY],
    ['back to 1970', Date.now(), 2000],
  ] as const) {
    it(`takes data while its clock is set ${what}, and leaves an event with the old and the new time`, async () => {
      const clock = new SettableClock(fromMs);
      const node = await nodes.start(folder.path, {}, clock);
      const sendOne = async (powerW: number) => {
        expect((await post(node.url, 'readings', [{ device: 'm1', powerW }])).status).to.equal(201);
      };
      await sendOne(1);
      clock.pass(1000);
      clock.wallMs = toMs;
      await sendOne(2);
      clock.pass(2000);
      await sendOne(3);
      const readings = await listAll(node.url, 'readings');
      expect(readings.map(({ powerW, at }) => [powerW, Date.parse(String(at))])).to.have.deep.members([
        [1, fromMs],
        [2, toMs],
        [3, toMs + 2000],
      ]);
      expect((await node.status()).clock).to.equal('unsure');
      await node.stop();
      const stored = await events();
      expect(stored.map(({ event }) => event)).to.deep.equal(['boot', 'clock-step']);
      expect(stored[1]).to.include({
        from: new Date(fromMs + 1000).toISOString(),
        to: new Date(toMs).toISOString(),
        clock: 'unsure',
      });
    });
  }
});
