import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { type PostedType, telemetryId } from '../../shared/documents.js';
import { sleep, systemClock } from '../../shared/time.js';
import { canonicalContent } from '../../sim/acknowledged.js';
import { MeterFleet } from '../../sim/meter-fleet.js';
import type { PostedFields } from '../../sim/meters.js';
import { FaultProxy, faults } from '../support/fault-proxy.js';
import { waitFor } from '../support/wait-for.js';

/** A node as far as devices can tell: keeps documents by id and tells new from known. */
class ToyNode {
  readonly documents = new Map<string, string>();
  readonly server: Server = http.createServer(async (request, response) => {
    const type: PostedType = request.url === '/v1/readings' ? 'reading' : 'prediction';
    let body = '';
    for await (const chunk of request) body += chunk;
    let accepted = 0;
    let duplicates = 0;
    for (const line of body.trimEnd().split('\n')) {
      const fields = JSON.parse(line) as PostedFields;
      const id = telemetryId('kitui', type, fields);
      if (this.documents.has(id)) duplicates++;
      else accepted++;
      this.documents.set(id, canonicalContent(fields));
    }
    response.writeHead(201, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ accepted, duplicates, lastSeq: this.documents.size }));
  });
}

describe('the meter fleet', () => {
  let node: ToyNode;
  let proxy: FaultProxy;
  let fleet: MeterFleet;
  /** What the machine of the fleet takes for the time. */
  let nowMs: number;
  /** Contents by id, as the fleet says they were acknowledged; an id told twice is an error. */
  let acknowledged: Map<string, string>;
  let toldTwice: string[];

  beforeEach(async () => {
    node = new ToyNode();
    await new Promise<void>((resolve) => node.server.listen(0, '127.0.0.1', resolve));
    proxy = new FaultProxy(`http://127.0.0.1:${(node.server.address() as AddressInfo).port}`);
    await proxy.start();
    acknowledged = new Map();
    toldTwice = [];
    nowMs = Date.now();
    fleet = new MeterFleet({
      nodeUrl: proxy.url,
      meters: 3,
      seed: 5,
      startAtMs: Date.parse('2026-03-01T00:00:00Z'),
      utcOffsetH: 1,
      speed: 18_000,
      tickMs: 10,
      retryMs: 10,
      clock: { ...systemClock, now: () => nowMs },
      onAcknowledged: (type, documents) => {
        for (const fields of documents) {
          const id = telemetryId('kitui', type, fields);
          if (acknowledged.has(id)) toldTwice.push(id);
          acknowledged.set(id, canonicalContent(fields));
        }
      },
    });
  });

  afterEach(async () => {
    await fleet.stop();
    await proxy.stop();
    node.server.closeAllConnections();
    await new Promise((resolve) => node.server.close(resolve));
  });

  function expectEverythingStoredOnce(): void {
    expect(toldTwice).to.deep.equal([]);
    expect(Object.fromEntries(acknowledged)).to.deep.equal(Object.fromEntries(node.documents));
    expect(fleet.counts.made).to.equal(node.documents.size);
    expect(fleet.counts.acknowledged).to.equal(node.documents.size);
  }

  it('posts every heartbeat of the time that has passed', async () => {
    await fleet.start();
    await waitFor(() => fleet.counts.acknowledged > 500, { what: '500 documents' });
    await fleet.finish();
    expectEverythingStoredOnce();
    expect(fleet.simulatedMs).to.be.greaterThan(Date.parse('2026-03-01T02:00:00Z'));
  });

  it('measures nothing that is to come, and goes along with the clock once it has caught up', async () => {
    nowMs = Date.parse('2026-03-01T01:00:30Z');
    await fleet.start();
    const caughtUpMs = Date.parse('2026-03-01T01:00:00Z');
    await waitFor(() => fleet.simulatedMs >= caughtUpMs, { what: 'an hour of measurements' });
    // Ten looks at the clock, each of which would be worth three minutes.
    await sleep(100);
    expect(fleet.simulatedMs).to.equal(caughtUpMs);
    nowMs += 60_000;
    await waitFor(() => fleet.simulatedMs > caughtUpMs, { what: 'one minute more' });
    await fleet.finish();
    expect(fleet.simulatedMs).to.equal(caughtUpMs + 60_000);
    expectEverythingStoredOnce();
  });

  it('posts again, unchanged, what was not acknowledged, whatever became of it', async () => {
    proxy.rule = ({ index }) => {
      if (index % 5 === 1) return faults.json(503, { error: { code: 'busy', message: 'one moment' } });
      if (index % 5 === 2) return { kind: 'lose-answer' };
      if (index % 5 === 3) return { kind: 'reset' };
      return undefined;
    };
    await fleet.start();
    await waitFor(() => fleet.counts.retries >= 9, { what: 'retries' });
    await fleet.finish();
    expect(fleet.counts.duplicates).to.be.greaterThan(0);
    expectEverythingStoredOnce();
  });

  it('goes on measuring while the node is away and delivers it all afterwards', async () => {
    let isAway = true;
    proxy.rule = () => (isAway ? { kind: 'reset' } : undefined);
    await fleet.start();
    await waitFor(() => fleet.counts.made > 1_000, { what: 'measurements' });
    expect(fleet.counts.acknowledged).to.equal(0);
    isAway = false;
    await fleet.finish();
    expectEverythingStoredOnce();
  });

  it('gives up with the reason when the node refuses a heartbeat for good', async () => {
    proxy.rule = () => faults.json(400, { error: { code: 'invalid_request', message: 'powerW must be a number' } });
    await fleet.start();
    await waitFor(() => fleet.failure, { what: 'the failure' });
    expect(await fleet.finish().then(() => 'no failure', messageOf)).to.equal('powerW must be a number');
    expect(acknowledged.size).to.equal(0);
  });

  it('does not take a success that counts too few for an acknowledgement', async () => {
    proxy.rule = () => faults.json(201, { accepted: 1, duplicates: 0, lastSeq: 1 });
    await fleet.start();
    await waitFor(() => fleet.failure, { what: 'the failure' });
    expect(messageOf(fleet.failure)).to.match(/^the node answered for 1 \+ 0 of \d+ documents$/);
    expect(acknowledged.size).to.equal(0);
  });

  it('says so when the node does not take everything in time', async () => {
    proxy.rule = () => ({ kind: 'hang', when: 'before-headers' });
    await fleet.start();
    await waitFor(() => fleet.counts.made > 0, { what: 'measurements' });
    expect(await fleet.finish(50).then(() => 'no failure', messageOf)).to.match(/did not take every heartbeat/);
  });
});
