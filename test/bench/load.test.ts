import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { driveClosed, driveTimed, openConnections } from '../../bench/support/drive.js';
import { type HttpConnection, postRequest } from '../../bench/support/http-connection.js';
import { fleetReadings, shuffledReadings, VILLAGE_FLEET } from '../../bench/support/readings.js';
import { messageOf } from '../../shared/app-error.js';
import { readingSchema } from '../../shared/documents.js';
import { sleep } from '../../shared/time.js';
import { waitFor } from '../support/wait-for.js';

describe('the load of the benchmark', () => {
  let server: Server;
  let url: string;
  let connections: HttpConnection[] = [];
  let bodies: string[];
  /** What the server does with each body before it answers. */
  let answer: (body: string) => Promise<number>;

  beforeEach(async () => {
    bodies = [];
    answer = async () => 201;
    server = http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(body);
      const status = await answer(body);
      const text = JSON.stringify({ said: body });
      response.writeHead(status, { 'Content-Length': Buffer.byteLength(text) });
      // In two pieces: an answer need not come in one.
      response.write(text.slice(0, 3));
      setImmediate(() => response.end(text.slice(3)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/readings`;
  });

  afterEach(async () => {
    for (const connection of connections) connection.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const requestOf = (body: string): Buffer => postRequest(url, 'application/json', body);

  it('sends every request once and sees every answer whole', async () => {
    connections = await openConnections(url, 3);
    const sent = Array.from({ length: 50 }, (_, i) => `reading ${i} – ü`);
    const said: string[] = [];
    await driveClosed(connections, sent.map(requestOf).values(), ({ body }) => {
      said.push((JSON.parse(body.toString()) as { said: string }).said);
    });
    expect(bodies.sort()).to.deep.equal([...sent].sort());
    expect(said.sort()).to.deep.equal([...sent].sort());
  });

  it('fails on an answer that is not 201, and when the server goes away', async () => {
    connections = await openConnections(url, 1);
    answer = async () => 503;
    const refused = await driveClosed(connections, [requestOf('x')].values()).catch(messageOf);
    expect(refused).to.equal('answered 503: {"said":"x"}');
    const late = await driveTimed(connections, [{ atMs: 0, request: requestOf('z') }]).catch(messageOf);
    expect(late).to.equal('answered 503: {"said":"z"}');
    answer = async () => {
      server.closeAllConnections();
      return 201;
    };
    const cut = await driveTimed(connections, [{ atMs: 0, request: requestOf('y') }]).catch(messageOf);
    expect(cut)
      .to.be.a('string')
      .and.match(/closed the connection|ECONNRESET/);
  });

  it('uses all its connections in turn, and fails on one that the server has closed meanwhile', async () => {
    connections = await openConnections(url, 3);
    const ports = new Set<number | undefined>();
    server.on('request', ({ socket }) => ports.add(socket.remotePort));
    await driveTimed(
      connections,
      [0, 1, 2].map((i) => ({ atMs: i * 20, request: requestOf(String(i)) })),
    );
    expect(ports.size).to.equal(3);
    server.closeAllConnections();
    const closed = 'the server closed the connection while nobody used it';
    await waitFor(
      async () => {
        const said = await driveTimed(connections.slice(0, 1), [{ atMs: 0, request: requestOf('x') }]).catch(messageOf);
        return said === closed;
      },
      { what: 'the connection to be seen closed' },
    );
  });

  it('counts a stall for every request it delays', async () => {
    connections = await openConnections(url, 1);
    answer = async (body) => {
      if (body === '0') await sleep(120);
      return 201;
    };
    const timed = [0, 1, 2].map((i) => ({ atMs: i * 10, request: requestOf(String(i)) }));
    const [first, second, third] = await driveTimed(connections, timed);
    expect(bodies).to.deep.equal(['0', '1', '2']);
    expect(first?.answeredMs).to.be.at.least(118);
    expect(second?.answeredMs).to.be.at.least(108);
    expect(third?.answeredMs).to.be.at.least(98);
  });

  it('counts from the time a request was meant to be sent, not from the start', async () => {
    connections = await openConnections(url, 1);
    const startMs = performance.now();
    const [only] = await driveTimed(connections, [{ atMs: 300, request: requestOf('x') }]);
    const restMs = performance.now() - startMs - 300;
    expect(only?.sentMs).to.be.within(0, restMs);
    expect(only?.answeredMs).to.be.within(0, restMs);
  });

  it('is made of readings a node takes, each of its own time, with registers that grow, the same every time', () => {
    const count = 3 * VILLAGE_FLEET.meters;
    const readings = [...fleetReadings(VILLAGE_FLEET, 0, count)];
    for (const reading of readings) readingSchema.parse(reading);
    expect(new Set(readings.map(({ device, at }) => `${device} ${at}`)).size).to.equal(count);
    const registers = readings.filter(({ device }) => device === 'meter-0007').map(({ energyKwh }) => energyKwh);
    expect(registers).to.deep.equal([...new Set(registers)].sort((a, b) => Number(a) - Number(b)));
    expect([...fleetReadings(VILLAGE_FLEET, 700, 10)]).to.deep.equal(readings.slice(700, 710));
    const shuffled = shuffledReadings(VILLAGE_FLEET, 0, count);
    const texts = (some: readonly object[]) => some.map((reading) => JSON.stringify(reading));
    expect(texts(shuffled)).to.not.deep.equal(texts(readings));
    expect(texts(shuffled).sort()).to.deep.equal(texts(readings).sort());
  });
});
