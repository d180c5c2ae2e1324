import { expect } from 'chai';
import { describe, it } from 'mocha';
import { LatestReadings } from '../../../edge/monitor/latest-readings.js';
import { silentLogger } from '../../../shared/logger.js';
import { SettableClock } from '../../support/settable-clock.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { ask, post } from '../api/node-client.js';
import { useNodes } from '../api/node-under-test.js';

const EMPTY = { node: 'abcd', lastSeq: 0, segments: [] };

function reading(device: string, at: string, powerW: number) {
  return { type: 'reading', fields: { device, at, powerW } };
}

function latestOf(maxDevices = 1_000, clock?: SettableClock): LatestReadings {
  return new LatestReadings({ ledger: EMPTY, log: silentLogger(), maxDevices, ...(clock ? { clock } : {}) });
}

describe('the newest reading of each device', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('is the newest by its own time, whichever arrived last', async () => {
    const latest = latestOf();
    latest.stored([reading('b', '2026-03-01T02:00:00.000Z', 2), reading('a', '2026-03-01T01:00:00.000Z', 1)], false);
    latest.stored([reading('b', '2026-03-01T01:00:00.000Z', 7)], true);
    latest.stored([{ type: 'prediction', fields: { device: 'c', at: '2026-03-01T01:00:00.000Z', powerKw: 1 } }], false);
    expect(await latest.list()).to.deep.equal([
      { device: 'a', at: '2026-03-01T01:00:00.000Z', values: { powerW: 1 } },
      { device: 'b', at: '2026-03-01T02:00:00.000Z', values: { powerW: 2 } },
    ]);
  });

  it('is not kept out by one of a device whose clock is ahead, nor by what a board ahead of time has stored', async () => {
    const clock = new SettableClock(Date.parse('2026-03-01T00:00:00.000Z'));
    const latest = latestOf(1_000, clock);
    latest.stored([reading('meter', '2038-01-01T00:00:00.000Z', 1)], false);
    clock.pass(60_000);
    latest.stored([reading('meter', '2026-03-01T00:01:00.000Z', 2)], false);
    expect((await latest.list()).map(({ values }) => values)).to.deep.equal([{ powerW: 2 }]);
    clock.pass(3_600_000);
    latest.stored([reading('board', '2026-03-01T01:00:00.000Z', 3)], false);
    // The node's own clock was ahead, and is put back.
    clock.pass(-3_600_000);
    latest.stored([reading('board', '2026-03-01T00:01:00.000Z', 4)], false);
    expect((await latest.list()).map(({ values }) => values)).to.deep.equal([{ powerW: 4 }, { powerW: 2 }]);
  });

  it('is no reading dated ahead again after a restart', async () => {
    const first = await nodes.start(folder.path);
    await post(first.url, 'readings', [{ device: 'm1', at: '2099-01-01T00:00:00.000Z', powerW: 1 }]);
    await post(first.url, 'readings', [{ device: 'm1', at: '2026-03-01T01:00:00.000Z', powerW: 2 }]);
    await first.stop();
    const second = await nodes.start(folder.path);
    const { items } = (await ask(`${second.url}/v1/devices`)).body as { items: { at: string }[] };
    expect(items.map(({ at }) => at)).to.deep.equal(['2026-03-01T01:00:00.000Z']);
  });

  it('tells what has changed since', () => {
    const latest = latestOf();
    latest.stored([reading('a', '2026-03-01T01:00:00.000Z', 1)], false);
    const { changes } = latest;
    expect(latest.changedSince(changes)).to.deep.equal([]);
    latest.stored([reading('b', '2026-03-01T01:00:00.000Z', 2)], true);
    expect(latest.changedSince(changes)).to.deep.equal([
      { device: 'b', at: '2026-03-01T01:00:00.000Z', clock: 'unsure', values: { powerW: 2 } },
    ]);
  });

  it('forgets the devices not heard of for longest where there are too many', async () => {
    const latest = latestOf(2);
    for (const [n, device] of ['a', 'b', 'a', 'c'].entries()) {
      latest.stored([reading(device, `2026-03-01T0${n}:00:00.000Z`, n)], false);
    }
    expect((await latest.list()).map(({ device }) => device)).to.deep.equal(['a', 'c']);
  });

  it('is known after a restart, and answered at /v1/devices', async () => {
    const first = await nodes.start(folder.path);
    const at = '2026-03-01T01:00:00.000Z';
    await post(first.url, 'readings', [{ device: 'm1', at, powerW: 5, state: 'on' }]);
    const expected = { items: [{ device: 'm1', at, values: { powerW: 5, state: 'on' } }] };
    expect((await ask(`${first.url}/v1/devices`)).body).to.deep.equal(expected);
    await first.stop();
    const second = await nodes.start(folder.path);
    expect((await ask(`${second.url}/v1/devices`)).body).to.deep.equal(expected);
  });

  it('is known after a restart of a device that fell silent thousands of readings ago', async () => {
    const first = await nodes.start(folder.path);
    const startMs = Date.parse('2026-03-01T01:00:00.000Z');
    const at = (seconds: number) => new Date(startMs + seconds * 1000).toISOString();
    await post(first.url, 'readings', [{ device: 'silent', at: at(0), powerW: 5 }]);
    const others = Array.from({ length: 11_000 }, (_, n) => ({ device: `m${n % 3}`, at: at(n + 1), powerW: n }));
    await post(first.url, 'readings', others);
    await first.stop();
    const second = await nodes.start(folder.path);
    const known = async () => {
      const answer = (await ask(`${second.url}/v1/devices`)).body as unknown as {
        items: { device: string; at: string }[];
      };
      return answer.items.map((item) => `${item.device} ${item.at}`);
    };
    expect(await known()).to.include(`m1 ${at(11_000)}`);
    await waitFor(async () => (await known()).includes(`silent ${at(0)}`), { what: 'the silent device' });
    expect(await known()).to.have.length(4);
  });
});
