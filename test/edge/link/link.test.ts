import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Link } from '../../../edge/link/link.js';
import { LinkError } from '../../../edge/link/link-error.js';
import { sleep } from '../../../shared/time.js';
import { SimulatedLink } from '../../../sim/link.js';
import { resetSocket } from '../../../sim/reset-socket.js';

const PASSWORD = 'correct-horse-battery';
/** Of a link that is to give up; one that is to get through has more patience than a busy machine tries. */
const TIMEOUT_MS = 1_000;
const PATIENT_MS = 20_000;

describe('the link to the centre', () => {
  let server: http.Server;
  let handler: http.RequestListener;
  let sockets: Set<Socket>;
  let port: number;
  let link: Link;
  let hasty: Link;

  beforeEach(async () => {
    sockets = new Set();
    handler = (_request, response) => void response.end('{"ok":true}');
    server = http.createServer((request, response) => handler(request, response));
    server.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    link = linkTo(`http://127.0.0.1:${port}`);
    hasty = linkTo(link.url, TIMEOUT_MS);
  });

  afterEach(async () => {
    link.close();
    hasty.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function linkTo(url: string, timeoutMs = PATIENT_MS): Link {
    return new Link({ url, user: 'bamenda', password: PASSWORD, timeoutMs });
  }

  async function failureOf(work: Promise<unknown>): Promise<LinkError> {
    const outcome = await work.then(
      () => 'no failure',
      (error: unknown) => error,
    );
    if (outcome instanceof LinkError) return outcome;
    throw new Error(`a LinkError was expected, not ${String(outcome)}`);
  }

  it('sends the credential and JSON, and parses the answer', async () => {
    let seen = '';
    handler = async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      seen = `${request.method} ${request.url} ${request.headers.authorization} ${request.headers['content-type']} ${body}`;
      response.writeHead(201).end('{"ok":true}');
    };
    const answer = await link.request({ method: 'PUT', path: '/a/b', body: { n: 1 } });
    const credential = Buffer.from(`bamenda:${PASSWORD}`).toString('base64');
    expect(seen).to.equal(`PUT /a/b Basic ${credential} application/json {"n":1}`);
    expect([answer.status, answer.json]).to.deep.equal([201, { ok: true }]);
  });

  for (const [when, begin] of [
    ['before the answer', () => undefined],
    ['in the middle of the answer', (response: http.ServerResponse) => void response.write('{"ok":')],
  ] as const) {
    it(`gives up when nothing moves for SYNC_TIMEOUT ${when}`, async () => {
      handler = (_request, response) => begin(response);
      const startedMs = performance.now();
      const failure = await failureOf(hasty.request({ method: 'GET', path: '/' }));
      expect([failure.tag, failure.linkDown, failure.retryable]).to.deep.equal(['TIMEOUT', true, true]);
      expect(performance.now() - startedMs).to.be.within(TIMEOUT_MS - 20, 4 * TIMEOUT_MS);
    });
  }

  it('does not give up a slow answer that keeps moving, however long it takes', async () => {
    handler = async (_request, response) => {
      for (const character of '{"ok":true}') {
        response.write(character);
        await sleep(300);
      }
      response.end();
    };
    const answer = await hasty.request({ method: 'GET', path: '/' });
    expect(answer.durationMs).to.be.greaterThan(3 * TIMEOUT_MS);
    expect(answer.json).to.deep.equal({ ok: true });
  });

  it('does not give up a slow upload that keeps moving, however long it takes', async () => {
    handler = (request, response) => request.resume().on('end', () => response.end('{"ok":true}'));
    const slow = new SimulatedLink({ targetPort: port, upBytesPerS: 10_000, roundTripMs: 100 });
    await slow.start();
    const throughIt = linkTo(slow.url, TIMEOUT_MS);
    try {
      // Random text does not shrink.
      const text = Array.from({ length: 6_000 }, () => Math.random().toString(36)).join('');
      const answer = await throughIt.request({ method: 'POST', path: '/', body: { text } });
      expect(answer.durationMs).to.be.greaterThan(4 * TIMEOUT_MS);
    } finally {
      throughIt.close();
      await slow.stop();
    }
  });

  it('gives up an upload that stands still', async () => {
    handler = (request, response) => request.resume().on('end', () => response.end('{"ok":true}'));
    const dead = new SimulatedLink({ targetPort: port, upBytesPerS: 1_000_000 });
    await dead.start();
    const throughIt = linkTo(dead.url, TIMEOUT_MS);
    try {
      await throughIt.request({ method: 'GET', path: '/', timeoutMs: PATIENT_MS });
      dead.freeze();
      const failure = await failureOf(throughIt.request({ method: 'POST', path: '/', body: { n: 1 } }));
      expect(failure.tag).to.equal('TIMEOUT');
    } finally {
      throughIt.close();
      await dead.stop();
    }
  });

  it('keeps the connection, and asks once more on a new one when the kept one turns out to be dead', async () => {
    let requests = 0;
    handler = (request, response) => {
      requests++;
      if (requests === 2) resetSocket(request.socket);
      else response.end('{"ok":true}');
    };
    for (let n = 0; n < 3; n++) await link.request({ method: 'GET', path: '/' });
    expect([requests, sockets.size]).to.deep.equal([4, 2]);
  });

  it('does not ask again when a new connection breaks', async () => {
    let requests = 0;
    handler = (request) => {
      requests++;
      resetSocket(request.socket);
    };
    const failure = await failureOf(link.request({ method: 'GET', path: '/' }));
    expect([failure.tag, requests]).to.deep.equal(['CONNECTION_ERROR', 1]);
  });

  it('counts every byte on the connections, both ways', async () => {
    for (let n = 0; n < 3; n++)
      await link.request({ method: 'POST', path: '/', body: { text: 'x'.repeat(n * 5_000) } });
    const seen = [...sockets].reduce(
      (sum, { bytesRead, bytesWritten }) => ({ sent: sum.sent + bytesRead, received: sum.received + bytesWritten }),
      { sent: 0, received: 0 },
    );
    const { bytesSent, bytesReceived, requests } = link.counters;
    expect({ sent: bytesSent, received: bytesReceived }).to.deep.equal(seen);
    expect([requests, seen.sent > 500, seen.received > 300]).to.deep.equal([3, true, true]);
  });

  it('compresses what is worth compressing', async () => {
    const encodings: (string | undefined)[] = [];
    handler = (request, response) => {
      encodings.push(request.headers['content-encoding']);
      request.resume().on('end', () => response.end('{}'));
    };
    await link.request({ method: 'POST', path: '/', body: { text: 'x'.repeat(100) } });
    await link.request({ method: 'POST', path: '/', body: { text: 'x'.repeat(10_000) } });
    expect(encodings).to.deep.equal([undefined, 'gzip']);
    expect(link.counters.bytesSent).to.be.below(2_000);
  });

  it('does not follow redirects, so that the credential goes nowhere else', async () => {
    let elsewhere = 0;
    const other = http.createServer((_request, response) => {
      elsewhere++;
      response.end('{}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    handler = (_request, response) => {
      response.writeHead(307, { Location: `http://127.0.0.1:${(other.address() as AddressInfo).port}/` }).end();
    };
    const failure = await failureOf(link.request({ method: 'POST', path: '/', body: {} }));
    await new Promise((resolve) => other.close(resolve));
    expect([failure.tag, failure.status, failure.retryable, elsewhere]).to.deep.equal(['HTTP_ERROR', 307, false, 0]);
    expect(failure.message).to.contain('redirects are not followed');
  });

  it('bounds the answer, compressed or not', async () => {
    const bomb = gzipSync(new Uint8Array(40 * 1024 * 1024));
    for (const compressed of [true, false]) {
      handler = (_request, response) => {
        if (compressed) response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb);
        else response.end(Buffer.alloc(40 * 1024 * 1024, 32));
      };
      const failure = await failureOf(link.request({ method: 'GET', path: '/' }));
      expect(failure.tag, compressed ? 'a gzip bomb' : 'an endless answer').to.equal('REQUEST_ERROR');
    }
  });

  it('takes a half answer for no answer', async () => {
    handler = (request, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('[]', () => resetSocket(request.socket));
    };
    expect((await failureOf(link.request({ method: 'GET', path: '/' }))).tag).to.equal('CONNECTION_ERROR');
  });

  it('ends at once when it is called off', async () => {
    handler = () => undefined;
    const abort = new AbortController();
    const failing = failureOf(linkTo(link.url, 60_000).request({ method: 'GET', path: '/', signal: abort.signal }));
    setTimeout(() => abort.abort(), 50);
    expect((await failing).tag).to.equal('REQUEST_ERROR');
  });

  it('says why, and never with what credential', async () => {
    const echo =
      (text: string): http.RequestListener =>
      (_request, response) =>
        void response.writeHead(500).end(text);
    const failures: LinkError[] = [];
    handler = echo('{"error":"internal","reason":"the disk is full"}');
    failures.push(await failureOf(link.request({ method: 'GET', path: '/' })));
    expect(failures[0]?.message).to.match(/answered 500 to GET \/: the disk is full$/);
    handler = (request) => resetSocket(request.socket);
    failures.push(await failureOf(link.request({ method: 'GET', path: '/' })));
    handler = () => undefined;
    failures.push(await failureOf(hasty.request({ method: 'GET', path: '/' })));
    failures.push(await failureOf(linkTo('http://127.0.0.1:1').request({ method: 'GET', path: '/' })));
    const credential = Buffer.from(`bamenda:${PASSWORD}`).toString('base64');
    for (const failure of failures) {
      const told = JSON.stringify([failure.report(), failure.message, String(failure.cause ?? ''), failure.stack]);
      expect(told).not.to.contain(PASSWORD);
      expect(told).not.to.contain(credential);
    }
  });

  it('names a program that does not speak HTTP', async () => {
    const stranger = net.createServer(
      (socket) =>
        void socket
          .on('error', () => undefined)
          .resume()
          .end('SSH-2.0-OpenSSH_9.6\r\n'),
    );
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const other = linkTo(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}`);
    const failure = await failureOf(other.request({ method: 'GET', path: '/' }));
    other.close();
    await new Promise((resolve) => stranger.close(resolve));
    expect(failure.tag).to.equal('REQUEST_ERROR');
  });
});
