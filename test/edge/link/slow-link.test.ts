import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Link } from '../../../edge/link/link.js';
import { LinkError } from '../../../edge/link/link-error.js';
import { SimulatedLink } from '../../../sim/link.js';

const TIMEOUT_MS = 1_000;
const BODY_BYTES = 60_000;

/** A value of so many bytes when compressed. */
function incompressible(bytes: number): { text: string } {
  return { text: randomBytes(bytes).toString('base64') };
}

describe('the link when it is slow', () => {
  let server: http.Server;
  let port: number;
  let slow: SimulatedLink;
  let link: Link;

  beforeEach(async () => {
    server = http.createServer((request, response) => {
      request.resume().on('end', () => response.end('{"ok":true}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    slow = new SimulatedLink({ targetPort: port, upBytesPerS: 120_000, roundTripMs: 40 });
    await slow.start();
    link = new Link({ url: slow.url, user: 'bamenda', password: 'secret', timeoutMs: TIMEOUT_MS });
  });

  afterEach(async () => {
    link.close();
    await slow.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const post = (body: unknown) => link.request({ method: 'POST', path: '/', body });

  it('measures its rate', async () => {
    const rates: number[] = [];
    for (let n = 0; n < 3; n++) {
      const body = incompressible(BODY_BYTES);
      const startedMs = performance.now();
      const { sentBytes } = await post(body);
      rates.push((sentBytes * 1_000) / (performance.now() - startedMs));
      expect(sentBytes).to.be.within(BODY_BYTES, 1.1 * BODY_BYTES);
    }
    // A busy machine is slower than the link.
    expect(link.bytesPerS).to.be.within(Math.min(80_000, 0.8 * Math.min(...rates)), 125_000);
  });

  it('gives up none of several bodies queued behind one another', async () => {
    await post(incompressible(BODY_BYTES));
    const answers = await Promise.all([1, 2, 3].map(() => post(incompressible(BODY_BYTES))));
    // They are compressed side by side and sent as they are ready: any of the three may be the last.
    const longestMs = Math.max(...answers.map(({ durationMs }) => durationMs));
    expect(longestMs, 'longer than it may go without progress').to.be.greaterThan(TIMEOUT_MS);
    for (const { json } of answers) expect(json).to.deep.equal({ ok: true });
  });

  it('says how long what was handed over still needs, and that nothing is left after the last answer', async () => {
    await post(incompressible(BODY_BYTES));
    expect(link.uploadLeftMs).to.equal(0);
    const body = await link.encode(incompressible(BODY_BYTES));
    const wholeMs = (2_000 * body.bytes.length) / link.bytesPerS;
    const startedMs = performance.now();
    const [first, second] = [post(body), post(body)];
    await new Promise((resolve) => setImmediate(resolve));
    const leftMs = link.uploadLeftMs;
    expect(leftMs).to.be.within(0.6 * wholeMs - (performance.now() - startedMs), 1.25 * wholeMs);
    await Promise.all([first, second]);
    expect(link.uploadLeftMs).to.equal(0);
  });

  it('makes nobody wait for a rate it only assumes', async () => {
    const first = post(await link.encode(incompressible(BODY_BYTES)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(link.uploadLeftMs).to.equal(0);
    await first;
    const second = post(await link.encode(incompressible(BODY_BYTES)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(link.uploadLeftMs).to.be.above(0);
    await second;
  });

  it('gets a large body through after it became ten times slower, by giving it longer each time', async () => {
    for (let n = 0; n < 2; n++) await post(incompressible(BODY_BYTES));
    const listensOn = Number(new URL(slow.url).port);
    await slow.stop();
    slow = new SimulatedLink({ targetPort: port, port: listensOn, upBytesPerS: 12_000, roundTripMs: 40 });
    await slow.start();
    const body = await link.encode(incompressible(BODY_BYTES / 2));
    const outcomes: string[] = [];
    while (outcomes.at(-1) !== 'arrived' && outcomes.length < 5) {
      const outcome = await post(body).then(
        () => 'arrived',
        (error: unknown) => (error instanceof LinkError ? error.tag : String(error)),
      );
      outcomes.push(outcome);
    }
    expect(outcomes[0]).to.equal('TIMEOUT');
    expect(outcomes.at(-1)).to.equal('arrived');
    expect(outcomes.length).to.be.at.most(4);
  }).timeout(60_000);
});
