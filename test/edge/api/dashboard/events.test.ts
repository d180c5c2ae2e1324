import { expect } from 'chai';
import express from 'express';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type EventSources, type EventsOptions, eventsHandler } from '../../../../edge/api/dashboard/events.js';
import type { ShownProgress } from '../../../../edge/dashboard/node-answers.js';
import { LatestReadings } from '../../../../edge/monitor/latest-readings.js';
import { errorHandler } from '../../../../shared/http/errors.js';
import { HttpServer } from '../../../../shared/http/server.js';
import { silentLogger } from '../../../../shared/logger.js';
import { sleep } from '../../../../shared/time.js';
import { useTempFolder } from '../../../support/temp-folder.js';
import { waitFor } from '../../../support/wait-for.js';
import { ask, post } from '../node-client.js';
import { useNodes } from '../node-under-test.js';
import { putDocument } from '../registry-client.js';
import { EventClient } from './event-client.js';

const LOOK_EVERY_MS = 20;

describe('the events of a node', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('begin with the status, the alerts and the devices, and go on with what changes', async () => {
    const { url } = await nodes.start(folder.path);
    await post(url, 'readings', { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 1 });
    const client = await EventClient.open(`${url}/v1/events`);
    expect(client.response.headers.get('content-type')).to.match(/^text\/event-stream/);
    expect(client.response.headers.get('cache-control')).to.equal('no-store');
    const status = (await ask(`${url}/v1/status`)).body as unknown as Record<string, unknown>;
    await client.until('devices');
    expect(client.named('status')[0]).to.have.all.keys(Object.keys(status));
    // What has changed since, such as the bytes of the store, may have been told already.
    const first = client.events.slice(0, 3).map(({ name }) => name);
    expect(first).to.deep.equal(['status', 'alerts', 'devices']);
    await post(url, 'readings', { device: 'm2', at: '2026-03-01T00:00:00Z', powerW: 2 });
    const at = '2026-03-01T00:00:00.000Z';
    await client.until('status', ({ store }) => (store as { lastSeq: number }).lastSeq === 3);
    await waitFor(() => client.named('devices').length > 1, { what: 'the new reading' });
    expect(client.named('devices')[1]).to.deep.equal({ items: [{ device: 'm2', at, values: { powerW: 2 } }] });
    await putDocument(url, 'device/m1', { model: 'A', serial: '1', role: 'customer' });
    await client.until('registry');
    await client.leave();
  });

  it('are compressed where the listener takes that, and each arrives at once', async () => {
    const { url } = await nodes.start(folder.path);
    const at = '2026-03-01T00:00:00.000Z';
    const devices = Array.from({ length: 300 }, (_, n) => ({ device: `meter-${n}`, at, powerW: n, voltageV: 230 }));
    await post(url, 'readings', devices);
    const plain = await EventClient.open(`${url}/v1/events`, { 'Accept-Encoding': 'identity' });
    const gzipped = await EventClient.open(`${url}/v1/events`, { 'Accept-Encoding': 'gzip' });
    expect(plain.response.headers.get('content-encoding')).to.equal(null);
    expect(gzipped.response.headers.get('content-encoding')).to.equal('gzip');
    expect(gzipped.response.headers.get('vary')).to.match(/accept-encoding/i);
    for (const client of [plain, gzipped]) {
      const { items } = await client.until('devices');
      expect(items).to.have.length(300);
    }
    await post(url, 'readings', { device: 'another', at, powerW: 2 });
    for (const client of [plain, gzipped]) {
      await client.until('devices', ({ items }) => (items as { device: string }[])[0]?.device === 'another');
      await client.leave();
    }
  });

  it('are ended when the node stops', async () => {
    const node = await nodes.start(folder.path);
    const client = await EventClient.open(`${node.url}/v1/events`);
    await client.until('devices');
    const startedMs = performance.now();
    await node.stop();
    // What does not end by itself is cut after five seconds.
    expect(performance.now() - startedMs).to.be.below(5_000);
    await waitFor(() => client.hasEnded, { what: 'the end of the events' });
  });
});

describe('the feed of events', () => {
  let looks = 0;
  let pending = 0;
  let push: ShownProgress | undefined;
  let lists = 0;
  /** Reading the devices waits for it. */
  let disk: Promise<void> = Promise.resolve();
  let stopping = new AbortController();
  const servers: HttpServer[] = [];
  const clients: EventClient[] = [];
  const latest = new LatestReadings({ ledger: { node: 'abcd', lastSeq: 0, segments: [] }, log: silentLogger() });

  beforeEach(() => {
    [looks, lists, pending, push, stopping] = [0, 0, 0, undefined, new AbortController()];
    disk = Promise.resolve();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.leave();
    for (const server of servers.splice(0)) await server.stop();
  });

  async function serve(options: EventsOptions = {}): Promise<string> {
    const sources: EventSources = {
      latest: {
        get changes() {
          return latest.changes;
        },
        changedSince: (changes) => latest.changedSince(changes),
        async list() {
          lists++;
          await disk;
          return latest.list();
        },
      },
      ...{ stopping: stopping.signal, log: silentLogger(), push: () => push },
      async status() {
        looks++;
        return { store: { pending }, alerts: [] } as unknown as Awaited<ReturnType<EventSources['status']>>;
      },
      onRegistryChanged: () => () => undefined,
    };
    const handler = express()
      .get('/', eventsHandler(sources, { lookEveryMs: LOOK_EVERY_MS, ...options }))
      .use(errorHandler(silentLogger()));
    const server = new HttpServer({ host: '127.0.0.1', port: 0, handler, settingNames: { host: 'H', port: 'P' } });
    await server.start();
    servers.push(server);
    return server.url;
  }

  async function listen(url: string): Promise<EventClient> {
    const client = await EventClient.open(url);
    clients.push(client);
    if (client.response.ok) await client.until('devices');
    return client;
  }

  it('looks at nothing while nobody listens', async () => {
    const url = await serve();
    await sleep(5 * LOOK_EVERY_MS);
    expect(looks).to.equal(0);
    const client = await listen(url);
    await waitFor(() => looks > 3, { what: 'looks' });
    await client.leave();
    // The last one may be under way when the listener goes.
    await sleep(3 * LOOK_EVERY_MS);
    const before = looks;
    await sleep(10 * LOOK_EVERY_MS);
    expect(looks).to.equal(before);
  });

  it('tells each state once, to everybody, with one look for all', async () => {
    const url = await serve();
    const both = [await listen(url), await listen(url)];
    pending = 7;
    for (const client of both)
      await client.until('status', ({ store }) => (store as typeof store & { pending: number }).pending === 7);
    const before = looks;
    await waitFor(() => looks > before + 5, { what: 'more looks' });
    for (const client of both) {
      const told = client.named('status').map(({ store }) => (store as { pending: number }).pending);
      expect(told.filter((one) => one === 7)).to.have.length(1);
    }
  });

  it('leaves nobody with what was so when they began to listen', async () => {
    const url = await serve();
    const first = await listen(url);
    let read: () => void = () => undefined;
    disk = new Promise((resolve) => {
      read = resolve;
    });
    const second = listen(url);
    await waitFor(() => lists === 2, { what: 'the second listener' });
    pending = 7;
    const isNow = ({ store }: Record<string, unknown>) => (store as { pending: number }).pending === 7;
    await first.until('status', isNow);
    read();
    await (await second).until('status', isNow);
  });

  it('tells how a push gets on, from its beginning', async () => {
    const client = await listen(await serve());
    push = { state: 'draining', sent: 100, quarantined: 1, pending: 50 };
    await client.until('progress');
    push = { state: 'draining', sent: 130, quarantined: 2, pending: 20 };
    await client.until('progress', ({ sent }) => sent === 30);
    push = { state: 'live', sent: 150, quarantined: 2, pending: 0 };
    const before = looks;
    await waitFor(() => looks > before + 3, { what: 'more looks' });
    expect(client.named('progress')).to.deep.equal([
      { state: 'draining', sent: 0, quarantined: 0, pending: 50 },
      { state: 'draining', sent: 30, quarantined: 1, pending: 20 },
    ]);
  });

  it('shows signs of life', async () => {
    const client = await listen(await serve({ heartbeatMs: 20 }));
    await waitFor(() => client.named('alive').length > 2, { what: 'heartbeats' });
  });

  it('has room for so many listeners, tells the next one to come back, and has room again when one leaves', async () => {
    const url = await serve();
    for (let n = 0; n < 20; n++) await listen(url);
    const refused = await ask(url);
    expect([refused.status, refused.body.error?.code]).to.deep.equal([503, 'busy']);
    expect(Number(refused.headers.get('retry-after'))).to.be.greaterThan(0);
    await clients[0]?.leave();
    await waitFor(async () => (await listen(url)).response.ok, { what: 'room' });
  });

  it('ends with the node, and begins for nobody any more', async () => {
    const url = await serve();
    const client = await listen(url);
    stopping.abort();
    await waitFor(() => client.hasEnded, { what: 'the end' });
    expect((await ask(url)).status).to.equal(503);
  });
});
