/** What the gateway takes at once: of one village, of all of them, and from clients that take their time. */
import http from 'node:http';
import net from 'node:net';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import type { GatewayLimits } from '../../../server/gateway/gateway-limits.js';
import type { HttpTimeouts } from '../../../shared/http/server.js';
import { type Clock, systemClock } from '../../../shared/time.js';
import { SettableClock } from '../../support/settable-clock.js';
import { waitFor } from '../../support/wait-for.js';
import { basic, Centre, json, type VillageLogin } from '../support/centre.js';
import { readings } from '../support/documents.js';

const MIB = 1024 * 1024;

describe('the limits of the gateway', () => {
  let centre: Centre;
  const open: http.ClientRequest[] = [];

  afterEach(async () => {
    for (const request of open.splice(0)) request.destroy();
    await centre.stop();
  });

  const start = async (
    limits: Partial<GatewayLimits>,
    { timeouts = {}, clock = systemClock }: { timeouts?: Partial<HttpTimeouts>; clock?: Clock } = {},
  ) => {
    centre = await Centre.start('embedded', { config: { limits }, timeouts, clock });
  };
  /** What is allowed a minute grows again as it passes, also while a slow machine asks. */
  const still = () => new SettableClock(Date.now());
  const bodyOf = (village: VillageLogin, count = 1, first = 0) =>
    JSON.stringify({ docs: readings(village.id, count, first), new_edits: false });

  /** Sends the head of a push and, once the gateway has it, nothing more until `finish`. */
  const beginPush = async (
    village: VillageLogin,
    body: string,
    announcedBytes = Buffer.byteLength(body),
    firstBytes = 1,
    headers = {},
  ) => {
    const request = http.request(`${centre.url}/telemetry/_bulk_docs`, {
      method: 'POST',
      headers: { Authorization: basic(village.id, village.password), 'Content-Length': announcedBytes, ...headers },
    });
    open.push(request);
    const answered = new Promise<number>((resolve, reject) => {
      request.once('response', (response) => resolve(response.resume().statusCode ?? 0)).once('error', reject);
    });
    answered.catch(() => undefined);
    request.write(body.slice(0, firstBytes));
    return { answered, finish: () => request.end(body.slice(firstBytes)) };
  };
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${centre.url}/metrics`)).text();
    return Number(new RegExp(`^solar_central_${name} (.*)$`, 'm').exec(text)?.[1]);
  };
  const push = (village: VillageLogin, docs: unknown[]) =>
    centre.as(village, '/telemetry/_bulk_docs', json({ docs, new_edits: false }));

  it('takes so many requests of a village at once, and answers 429 to further ones of that village alone', async () => {
    await start({ villageRequests: 2 });
    const [kano, jos] = [await centre.addVillage('kano'), await centre.addVillage('jos')];
    const bodies = [bodyOf(kano, 1, 0), bodyOf(kano, 1, 1)];
    const held = await Promise.all(bodies.map((body) => beginPush(kano, body)));
    const bytes = bodies.join('').length;
    await waitFor(async () => (await metric('arriving_body_bytes')) === bytes, { what: 'two bodies to have room' });
    const refused = await centre.as(kano, '/telemetry');
    expect([refused.status, refused.headers.get('retry-after') !== null]).to.deep.equal([429, true]);
    expect(await refused.json()).to.deep.equal({
      error: 'too_many_requests',
      reason: 'at most 2 requests of a village at once',
    });
    expect((await push(jos, readings('jos', 1))).status).to.equal(201);
    for (const { finish, answered } of held) {
      finish();
      expect(await answered).to.equal(201);
    }
    expect((await centre.as(kano, '/telemetry')).status).to.equal(200);
    expect(await metric('arriving_body_bytes')).to.equal(0);
  });

  it('takes so many requests of a village a minute, and says when to come back', async () => {
    await start({ villageRequestsPerMinute: 3 }, { clock: still() });
    const [kano, jos] = [await centre.addVillage('kano'), await centre.addVillage('jos')];
    for (let n = 0; n < 3; n++) expect((await centre.as(kano, '/telemetry')).status).to.equal(200);
    const refused = await push(kano, readings('kano', 1));
    expect(refused.status).to.equal(429);
    expect(Number(refused.headers.get('retry-after'))).to.be.within(18, 30);
    expect((await push(jos, readings('jos', 1))).status).to.equal(201);
  });

  it('counts a request no more when its client has gone', async () => {
    await start({ villageRequests: 1 });
    const kano = await centre.addVillage('kano');
    await beginPush(kano, bodyOf(kano));
    await waitFor(async () => (await centre.as(kano, '/telemetry')).status === 429, { what: 'the request to count' });
    for (const request of open.splice(0)) request.destroy();
    await waitFor(async () => (await centre.as(kano, '/telemetry')).status === 200, { what: 'it to count no more' });
    expect(await metric('arriving_body_bytes')).to.equal(0);
  });

  it('notes a request whose body was cut half-way as a failure of the village, with status 499', async () => {
    await start({});
    const kano = await centre.addVillage('kano');
    await beginPush(kano, bodyOf(kano));
    await waitFor(async () => (await metric('arriving_body_bytes')) > 0, { what: 'the body to have room' });
    for (const request of open.splice(0)) request.destroy();
    const shown = async () => (await (await centre.analyst('/v1/villages/kano')).json()) as Record<string, unknown>;
    await waitFor(async () => (await shown()).failures === 1, { what: 'the failure to be noted' });
    expect((await shown()).lastFailureStatus).to.equal(499);
  });

  it('has no room for a second large body of a village, and room for everybody else', async () => {
    await start({ bodyBytes: MIB, bodiesBytes: 2 * MIB });
    const [kano, jos] = [await centre.addVillage('kano'), await centre.addVillage('jos')];
    await beginPush(kano, ' '.repeat(MIB - 1), MIB, MIB - 1);
    await waitFor(async () => (await metric('arriving_body_bytes')) === MIB - 1, { what: 'the body to have room' });
    const refused = await push(kano, readings('kano', 1));
    expect(refused.status).to.equal(503);
    expect(Number(refused.headers.get('retry-after'))).to.be.above(0);
    expect((await push(jos, readings('jos', 2))).status).to.equal(201);
  });

  it('keeps next to nothing for bodies that are announced and do not come', async () => {
    await start({});
    const [va, vb] = [await centre.addVillage('va'), await centre.addVillage('vb')];
    for (let n = 0; n < 3; n++) await beginPush(va, 'x', 16 * MIB, 1, { 'Content-Encoding': 'gzip' });
    await waitFor(async () => (await metric('arriving_body_bytes')) >= 9 * MIB, { what: 'the bodies to be let in' });
    for (let n = 0; n < 5; n++) expect((await push(vb, readings('vb', 1, n))).status).to.equal(201);
  });

  it('refuses at once a body that is announced to be too large, and ends the connection', async () => {
    await start({});
    const kano = await centre.addVillage('kano');
    const login = `Authorization: ${basic(kano.id, kano.password)}`;
    const head = `POST /telemetry/_bulk_docs HTTP/1.1\r\nHost: x\r\n${login}\r\nContent-Length: 99999999\r\n\r\n{`;
    expect(await untilClosed(head)).to.match(/^HTTP\/1\.1 413[\s\S]*"error":"too_large"/);
  });

  it('refuses a body that grows beyond its limit without ever saying how long it is', async () => {
    await start({ bodyBytes: MIB });
    const kano = await centre.addVillage('kano');
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(0x20)),
    });
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit;
    const status = await centre.as(kano, '/telemetry/_bulk_docs', init).then(
      (response) => response.status,
      () => 'cut',
    );
    // Whether the answer is read before the connection is cut is the client's luck.
    expect([413, 'cut']).to.include(status);
    await waitFor(async () => (await metric('arriving_body_bytes')) === 0, { what: 'its room to be given back' });
    expect((await push(kano, readings('kano', 1))).status).to.equal(201);
  });

  it('ends a connection whose headers or body do not come, and one that asks nothing', async () => {
    const timeouts = { headersMs: 600, requestMs: 60_000, idleMs: 200, checkEveryMs: 25 };
    await start({ bodyPauseMs: 400 }, { timeouts });
    const kano = await centre.addVillage('kano');
    const authorization = basic(kano.id, kano.password);
    const head = `POST /telemetry/_bulk_docs HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n`;
    expect(await untilClosed('')).to.match(/^(HTTP\/1\.1 408|$)/);
    expect(await untilClosed('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ')).to.match(/^HTTP\/1\.1 408/);
    expect(await untilClosed(`${head}Content-Length: 50\r\n\r\n{"docs"`)).to.match(
      /^HTTP\/1\.1 408[\s\S]*"error":"request_timeout"/,
    );
    expect(await untilClosed(`GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`)).to.match(/^HTTP\/1\.1 200/);
    expect((await push(kano, readings('kano', 1))).status).to.equal(201);
  });

  it('ends a body that drips for ever', async () => {
    await start({ bodyPauseMs: 5_000 }, { timeouts: { headersMs: 600, requestMs: 1_000, checkEveryMs: 25 } });
    const kano = await centre.addVillage('kano');
    const { hostname, port } = new URL(centre.url);
    const socket = net.connect(Number(port), hostname);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).resume();
    const login = `Authorization: ${basic(kano.id, kano.password)}`;
    socket.write(`POST /telemetry/_bulk_docs HTTP/1.1\r\nHost: x\r\n${login}\r\nContent-Length: 99999\r\n\r\n`);
    const drip = setInterval(() => socket.write(' '), 20);
    try {
      await closed;
    } finally {
      clearInterval(drip);
      socket.destroy();
    }
    await waitFor(async () => (await metric('arriving_body_bytes')) === 0, { what: 'its room to be given back' });
  });

  it('answers 429 to guesses past the limit, and goes on letting the village in', async () => {
    await start({ failedLoginsPerVillage: 3 }, { clock: still() });
    const kano = await centre.addVillage('kano');
    expect((await centre.as(kano, '/')).status).to.equal(200);
    const guesses: number[] = [];
    for (let n = 0; n < 5; n++) guesses.push((await centre.as({ id: 'kano', password: `x${n}` }, '/')).status);
    expect(guesses).to.deep.equal([401, 401, 401, 429, 429]);
    expect((await centre.as(kano, '/')).status).to.equal(200);
    expect((await centre.analyst('/v1/villages')).status).to.equal(200);
    expect((await centre.anonymous('/v1/villages', { headers: { Authorization: 'Bearer wrong' } })).status).to.equal(
      401,
    );
  });

  /** Everything a raw connection answers to `text` until it closes. */
  async function untilClosed(text: string): Promise<string> {
    const { hostname, port } = new URL(centre.url);
    const socket = net.connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    socket.on('error', () => undefined);
    socket.write(text);
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  }
});
