import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { BenchLink } from '../../bench/support/bench-link.js';
import { shareOfFields } from '../../bench/support/body-contents.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from '../../bench/support/readings.js';
import type { ObservedBody } from '../../bench/support/request-observer.js';
import { waitFor } from '../support/wait-for.js';

const FAST = { upBytesPerS: 10_000_000, downBytesPerS: 10_000_000, roundTripMs: 2 };

describe('what the benchmark sees of a link', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function start(handler: http.RequestListener, onBody?: (body: ObservedBody) => void): Promise<BenchLink> {
    const server = http.createServer(handler);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanUps.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const link = new BenchLink((server.address() as AddressInfo).port, FAST, onBody);
    await link.link.start();
    cleanUps.push(() => link.link.stop());
    return link;
  }

  async function send(agent: http.Agent, url: string, method: string, body?: Buffer): Promise<number> {
    const headers = body === undefined ? {} : { 'Content-Length': body.length, 'Content-Encoding': 'gzip' };
    const request = http.request(url, { agent, method, headers });
    request.end(body);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response.statusCode ?? 0;
  }

  it('is every request, on kept and on new connections, and every byte as head or body', async () => {
    const bodies: ObservedBody[] = [];
    const link = await start(
      (request, response) => {
        request.resume().on('end', () => response.writeHead(request.method === 'GET' ? 404 : 201).end('{}'));
      },
      (body) => bodies.push(body),
    );
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const single = new http.Agent({ keepAlive: false });
    cleanUps.push(() => kept.destroy());
    const large = gzipSync(Buffer.from(Array.from({ length: 9_000 }, (_, i) => String(i * 7_919)).join()));
    expect(await send(kept, `${link.url}/telemetry/_local/abc?x=1`, 'GET')).to.equal(404);
    expect(await send(kept, `${link.url}/telemetry/_local/def`, 'GET')).to.equal(404);
    expect(await send(kept, `${link.url}/telemetry/_bulk_docs`, 'POST', large)).to.equal(201);
    expect(await send(single, `${link.url}/telemetry/_bulk_docs`, 'POST', Buffer.from('{}'))).to.equal(201);
    await waitFor(() => bodies.length === 4, { what: 'the last request to be seen' });
    const { connections, upPayloadBytes, http: seen } = link.traffic;
    expect(seen.byKind).to.deep.equal({ 'GET /telemetry/_local': 2, 'POST /telemetry/_bulk_docs': 2 });
    expect(seen).to.include({ requests: 4, bodyBytes: large.length + 2 });
    expect(seen.headBytes + seen.bodyBytes).to.equal(upPayloadBytes);
    expect(connections).to.equal(2);
    const [, , batch] = bodies;
    expect(batch).to.include({ kind: 'POST /telemetry/_bulk_docs', encoding: 'gzip' });
    expect(Buffer.compare(batch?.bytes ?? Buffer.alloc(0), large)).to.equal(0);
  });

  it('leaves alone what is not HTTP, and ends when the link is reset', async () => {
    const link = await start((_request, response) => void response.end());
    const socket = net.connect(Number(new URL(link.url).port), '127.0.0.1');
    socket.resume().on('error', () => undefined);
    // Either side may be the one that ends it.
    const closed = once(socket, 'close');
    socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x00, 0x0d, 0x0a]));
    await waitFor(() => link.traffic.upPayloadBytes === 8, { what: 'the bytes to pass' });
    link.link.cut();
    await closed;
    link.link.restore();
    expect(await send(new http.Agent(), `${link.url}/`, 'GET')).to.equal(200);
    await waitFor(() => link.traffic.http.requests === 1, { what: 'the request to be seen' });
  });
});

describe('a batch taken apart by the benchmark', () => {
  const docs = [...fleetReadings(VILLAGE_FLEET, 0, 200)].map((reading, i) => storedDocument(reading, i + 1));
  const plain = Buffer.from(JSON.stringify({ new_edits: false, docs }));

  for (const { encoding, bytes } of [
    { encoding: 'gzip', bytes: gzipSync(plain) },
    { encoding: 'br', bytes: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }) },
    { encoding: undefined, bytes: plain },
  ]) {
    it(`costs most for what cannot be told from the rest: ${encoding ?? 'not compressed'}`, async () => {
      const { documents, costs } = await shareOfFields({ kind: 'POST /telemetry/_bulk_docs', encoding, bytes });
      expect(documents).to.equal(200);
      // Twelve random hex digits are six bytes, however they are compressed.
      expect(costs._rev).to.be.at.least(6);
      expect(costs.values).to.be.greaterThan(costs._rev);
      expect(costs.seq).to.be.within(0, 11);
      const all = Object.values(costs).reduce((sum, one) => sum + one, 0);
      expect(all).to.be.lessThan((bytes.length / documents) * 1.2);
    });
  }
});
