/** Thresholds in a node at work: over REST, over its registry, and over its end by SIGKILL. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { NodeStatus } from '../../../../edge/api/status.js';
import type { TelemetryDocument } from '../../../../shared/documents.js';
import type { ProgramProcess } from '../../../../sim/processes.js';
import { edgeProgram } from '../../../support/programs.js';
import { SettableClock } from '../../../support/settable-clock.js';
import { readStoredTelemetry } from '../../../support/stored-telemetry.js';
import { useTempFolder } from '../../../support/temp-folder.js';
import { waitFor } from '../../../support/wait-for.js';
import { editApart } from '../../api/edits-apart.js';
import { ask, post } from '../../api/node-client.js';
import { useNodes } from '../../api/node-under-test.js';
import { askRegistry, putDocument } from '../../api/registry-client.js';

const HIGH = { field: 'voltageV', high: 250 };

async function alertsOf(url: string): Promise<string[]> {
  const status = JSON.parse((await ask(`${url}/v1/status`)).text) as NodeStatus;
  return status.alerts.filter(({ code }) => code === 'threshold').map(({ message }) => message);
}

function alertsBecome(url: string, wanted: string[]): Promise<unknown> {
  const isThere = async () => JSON.stringify(await alertsOf(url)) === JSON.stringify(wanted);
  return waitFor(isThere, { what: `the alerts ${JSON.stringify(wanted)}` });
}

async function send(url: string, voltageV: number, at: Date | string, device = 'm1'): Promise<void> {
  const { status, text } = await post(url, 'readings', { device, at, voltageV });
  expect(status, text).to.equal(201);
}

/** What was told, in the order of the numbers; the store must be closed. */
async function eventsIn(folder: string): Promise<TelemetryDocument[]> {
  const { documents } = await readStoredTelemetry(folder);
  return documents.filter(({ event }) => event === 'threshold');
}

function textOf({ state, threshold, device, value, reason }: TelemetryDocument): string {
  return `${state} ${threshold} ${device} ${value}${reason === undefined ? '' : ` (${reason})`}`;
}

const alertOf = (value: number, limit = 250) =>
  `voltageV of m1 is ${value}, above the limit of ${limit} (threshold high)`;

describe('a threshold in the registry', () => {
  const nodes = useNodes();
  const programs: ProgramProcess[] = [];
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.kill('SIGKILL');
  });
  const folder = useTempFolder();
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);

  it('makes an event and an alert of a reading beyond it, and another event when one is within', async () => {
    const node = await nodes.start(folder.path);
    const { url } = node;
    await putDocument(url, 'threshold/high', HIGH);
    const at = ago(20);
    await send(url, 251.5, at);
    await alertsBecome(url, [alertOf(251.5)]);
    const status = JSON.parse((await ask(`${url}/v1/status`)).text) as NodeStatus;
    const [alert] = status.alerts;
    expect(alert).to.include({ code: 'threshold', severity: 'warning', since: at.toISOString() });
    await send(url, 249, ago(10));
    await alertsBecome(url, []);
    await node.stop();
    const events = await eventsIn(folder.path);
    expect(events.map(textOf)).to.deep.equal(['raised high m1 251.5', 'cleared high m1 249 (within)']);
    expect(events[0]).to.include({ type: 'event', field: 'voltageV', bound: 'high', limit: 250, at: at.toISOString() });
  });

  it('holds every reading acknowledged after the edit against it, however soon', async () => {
    const { url } = await nodes.start(folder.path);
    let etag: string | undefined;
    for (let n = 0; n < 20; n++) {
      etag = await putDocument(url, 'threshold/high', { ...HIGH, high: 250 + n }, etag);
      await send(url, 250.5 + n, ago(1000 - 2 * n));
      await alertsBecome(url, [alertOf(250.5 + n, 250 + n)]);
      await send(url, 0, ago(999 - 2 * n));
      await alertsBecome(url, []);
      // A minute lies between two alerts of a series.
      etag = await deleteDocument(url, etag);
    }
  }).timeout(60_000);

  it('ends its alerts when it is deleted', async () => {
    const node = await nodes.start(folder.path);
    const etag = await putDocument(node.url, 'threshold/high', HIGH);
    await send(node.url, 300, ago(20));
    await alertsBecome(node.url, [alertOf(300)]);
    await deleteDocument(node.url, etag);
    await alertsBecome(node.url, []);
    await node.stop();
    expect((await eventsIn(folder.path)).map(textOf)).to.deep.equal([
      ...['raised high m1 300', 'cleared high m1 300 (deleted)'],
    ]);
  });

  it('keeps its alerts over a restart, and tells them once', async () => {
    const first = await nodes.start(folder.path);
    await putDocument(first.url, 'threshold/high', HIGH);
    const at = ago(30);
    await send(first.url, 300, at);
    await alertsBecome(first.url, [alertOf(300)]);
    await first.stop();
    const second = await nodes.start(folder.path);
    await alertsBecome(second.url, [alertOf(300)]);
    await send(second.url, 301, ago(20));
    await alertsBecome(second.url, [alertOf(301)]);
    await second.stop();
    expect((await eventsIn(folder.path)).map(textOf)).to.deep.equal(['raised high m1 300']);
  });

  it('raises nothing for readings that are imported late', async () => {
    const node = await nodes.start(folder.path);
    await putDocument(node.url, 'threshold/high', HIGH);
    await send(node.url, 300, ago(2 * 86_400), 'm2');
    await send(node.url, 200, ago(10));
    await send(node.url, 300, ago(20));
    await send(node.url, 300, ago(9), 'm3');
    await alertsBecome(node.url, [alertOf(300).replace('m1', 'm3')]);
    await node.stop();
    expect((await eventsIn(folder.path)).map(textOf)).to.deep.equal(['raised high m3 300']);
  });

  it('is applied while the clock of the village is in 1970', async () => {
    const { url } = await nodes.start(folder.path, {}, new SettableClock(1_000));
    await putDocument(url, 'threshold/high', HIGH);
    for (const [voltageV, wanted] of [
      [300, [alertOf(300)]],
      [200, []],
    ] as const) {
      expect((await post(url, 'readings', { device: 'm1', voltageV })).status).to.equal(201);
      await alertsBecome(url, [...wanted]);
    }
  });

  it('that has become senseless by a merge is not applied, and that is an alert', async () => {
    const before = await nodes.start(folder.path);
    await putDocument(before.url, 'threshold/high', HIGH);
    await putDocument(before.url, 'threshold/other', { field: 'voltageV', high: 400 });
    await before.stop();
    const here = { field: 'voltageV', high: 200 };
    await editApart(folder.path, { type: 'threshold', id: 'high', here, there: { ...HIGH, low: 220 } });
    const { url } = await nodes.start(folder.path);
    const told = 'the threshold high is not applied: low (220) is not less than high (200)';
    await alertsBecome(url, [told]);
    await send(url, 410, ago(10));
    await alertsBecome(url, ['voltageV of m1 is 410, above the limit of 400 (threshold other)', told]);
  });

  it('tells each crossing once, though the node is killed as soon as it has acknowledged it', async function () {
    this.timeout(120_000);
    const program = await edgeProgram({ villageId: 'kano', dataPath: folder.path });
    programs.push(program);
    await program.start();
    await putDocument(program.url, 'threshold/high', HIGH);
    await send(program.url, 200, ago(4000), 'm0');
    const wanted: string[] = [];
    for (let life = 0; life < 3; life++) {
      for (const [step, value] of [300 + life, 100 + life].entries()) {
        await send(program.url, value, ago(3000 - 200 * life - 100 * step));
        wanted.push(step === 0 ? `raised high m1 ${value}` : `cleared high m1 ${value} (within)`);
        // At once, or when the event has been stored and what is remembered has not.
        if (life % 2 === 1) await alertsBecome(program.url, step === 0 ? [alertOf(value)] : []);
        await program.kill('SIGKILL');
        await program.start();
        await alertsBecome(program.url, step === 0 ? [alertOf(value)] : []);
      }
    }
    await program.stop();
    expect((await eventsIn(folder.path)).map(textOf)).to.deep.equal(wanted);
  });
});

async function deleteDocument(url: string, etag: string): Promise<undefined> {
  const headers = { 'If-Match': etag };
  const { status } = await askRegistry(url, 'DELETE', 'registry/threshold/high', { headers });
  expect(status).to.equal(204);
}
