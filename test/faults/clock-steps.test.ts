/** Clocks that stand in 1970, pass the ends of 32-bit time, or are set while readings come in, before a whole node. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { EdgeNode } from '../../edge/node.js';
import type { TelemetryDocument } from '../../shared/documents.js';
import { sleep } from '../../shared/time.js';
import { ask, listAll, post } from '../edge/api/node-client.js';
import { type Nodes, useNodes } from '../edge/api/node-under-test.js';
import { RunningClock } from '../support/running-clock.js';
import { numberProblems, readStoredTelemetry } from '../support/stored-telemetry.js';
import { createTempFolder, removeFolder, useTempFolder } from '../support/temp-folder.js';
import { waitFor } from '../support/wait-for.js';

/** Posts a reading without a time; every one must be taken as a new one. */
async function postNow(url: string, powerW: number): Promise<void> {
  const { status, body, text } = await post(url, 'readings', { device: 'm1', powerW });
  expect(status, text).to.equal(201);
  expect(body).to.include({ accepted: 1, duplicates: 0 });
}

const powersOf = (listed: readonly TelemetryDocument[]): unknown[] =>
  listed.map(({ powerW }) => powerW).sort((a, b) => Number(a) - Number(b));

describe('a board that boots into 1970', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('does so twice without a false conflict: everything is taken, kept and marked as of an unsure time', async () => {
    const lives = [1, 2, 3];
    for (const _ of lives) {
      const node = await nodes.start(folder.path, {}, new RunningClock('1970-01-01T00:00:10Z'));
      // The same values in every life, at the same times as the board sees it.
      for (const powerW of [1, 2, 3, 3]) await postNow(node.url, powerW);
      await node.stop();
    }
    const node = await nodes.start(folder.path, {}, new RunningClock('1970-01-01T00:00:10Z'));
    const listed = await listAll(node.url, 'readings', { to: '1971-01-01T00:00:00Z' });
    expect(powersOf(listed)).to.deep.equal([1, 2, 3, 3].flatMap((powerW) => lives.map(() => powerW)).sort());
    expect(new Set(listed.map(({ _id }) => _id)).size).to.equal(listed.length);
    expect(new Set(listed.map(({ clock }) => clock))).to.deep.equal(new Set(['unsure']));
    expect(new Set(listed.map(({ boot }) => boot))).to.deep.equal(new Set(lives));
    expect(new Set(listed.map((one) => one.node)).size).to.equal(1);
    await node.stop();
    expect(numberProblems(await readStoredTelemetry(folder.path))).to.deep.equal([]);
  });
});

/** The last seconds of signed and of unsigned 32-bit time. */
for (const end of ['2038-01-19T03:14:07.000Z', '2106-02-07T06:28:15.000Z']) {
  describe(`a clock that passes ${end}`, () => {
    const nodes = useNodes();
    const folder = useTempFolder();

    it('goes on: readings before and after it are kept, listed in order, and found by their time', async () => {
      const shortlyBefore = new Date(Date.parse(end) - 1_000).toISOString();
      const clock = new RunningClock(shortlyBefore);
      const node = await nodes.start(folder.path, {}, clock);
      // Its start may have taken longer than that.
      clock.set(shortlyBefore);
      let count = 0;
      while (clock.now() < Date.parse(end) + 1_500) {
        await postNow(node.url, ++count);
        await sleep(20);
      }
      // However long the last one took.
      await postNow(node.url, ++count);
      const listed = await listAll(node.url, 'readings');
      expect(listed.map(({ powerW }) => powerW)).to.deep.equal(Array.from({ length: count }, (_, n) => n + 1));
      const from = new Date(Date.parse(end) + 1000).toISOString();
      const [earlier, later] = [
        await listAll(node.url, 'readings', { to: from }),
        await listAll(node.url, 'readings', { from }),
      ];
      expect([...earlier, ...later]).to.deep.equal(listed);
      expect(Math.min(earlier.length, later.length)).to.be.greaterThan(0);
      await node.stop();
      const again = await nodes.start(folder.path, {}, clock);
      await postNow(again.url, ++count);
      expect(await listAll(again.url, 'readings')).to.have.length(count);
    });
  });
}

interface Step {
  from: string;
  to: string;
}

const STEPS: readonly Step[] = [
  { from: '2027-03-10T12:00:00.000Z', to: '2027-03-09T12:00:00.000Z' },
  { from: '2027-03-10T12:00:00.000Z', to: '2021-01-01T00:00:00.000Z' },
  { from: '2027-03-10T12:00:00.000Z', to: '1970-01-01T00:00:00.000Z' },
  { from: '2027-03-10T12:00:00.000Z', to: '2027-03-10T12:02:00.000Z' },
  { from: '2027-03-10T12:00:00.000Z', to: '2038-01-19T03:14:08.000Z' },
  { from: '1970-01-01T00:00:10.000Z', to: '2027-03-10T12:00:00.000Z' },
];

/** A set clock is told with this precision: the node looks at it now and then. */
const TOLD_WITHIN_MS = 10_000;

describe('a clock that is set while readings come in', () => {
  const nodes = useNodes();

  it('leaves an event with the old and the new time; nothing is lost and numbers go on', async function () {
    this.timeout(90_000);
    // At the same time, since most of it is waiting for the node to look.
    await Promise.all(STEPS.map((step) => setClock(nodes, step)));
  });
});

async function setClock(nodes: Nodes, { from, to }: Step): Promise<void> {
  const folder = await createTempFolder();
  try {
    const clock = new RunningClock(from);
    const node = await nodes.start(folder, {}, clock);
    let count = 0;
    for (let n = 0; n < 20; n++) await postNow(node.url, ++count);
    const posting = (async () => {
      for (let n = 0; n < 40; n++) await postNow(node.url, ++count);
    })();
    await sleep(30);
    const setAtMs = clock.now();
    clock.set(to);
    await posting;
    // One event of the boot and one of the step beside the readings.
    const isTold = async () => (await lastSeqOf(node)) === count + 2;
    await waitFor(isTold, { what: `an event of the step to ${to}`, timeoutMs: 30_000 });
    expect(powersOf(await listAll(node.url, 'readings'))).to.deep.equal(Array.from({ length: count }, (_, n) => n + 1));
    await node.stop();
    const stored = await readStoredTelemetry(folder);
    expect(numberProblems(stored)).to.deep.equal([]);
    const [told, ...more] = stored.documents.filter(({ type, event }) => type === 'event' && event === 'clock-step');
    expect(more).to.deep.equal([]);
    // Both clocks are read in whole milliseconds.
    expect(Date.parse(String(told?.from)) - setAtMs, `from ${from}`).to.be.within(-2, TOLD_WITHIN_MS);
    expect(Date.parse(String(told?.to)) - Date.parse(to), `to ${to}`).to.be.within(0, TOLD_WITHIN_MS);
  } finally {
    await removeFolder(folder);
  }
}

async function lastSeqOf({ url }: EdgeNode): Promise<number | undefined> {
  return (await ask(`${url}/v1/status`)).body.store?.lastSeq;
}
