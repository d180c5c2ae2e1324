import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { AppError } from '../../../shared/app-error.js';
import { basicCredentials, bearerToken, sameSecret } from '../../../shared/http/credentials.js';
import { HttpServer, type HttpServerOptions, isLoopback } from '../../../shared/http/server.js';
import { selfSigned } from '../../faults/self-signed.js';
import { waitFor } from '../../support/wait-for.js';

/** Longer than a test may take. */
const NEVER_MS = 600_000;

async function answerOverTls(url: string): Promise<string> {
  const [response] = await once(https.get(url, { rejectUnauthorized: false, agent: false }), 'response');
  return text(response);
}

describe('an HTTP server', () => {
  const running: HttpServer[] = [];

  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop();
  });

  async function serve(handler: RequestListener, options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
    const settingNames = { host: 'SOME_HOST', port: 'SOME_PORT' };
    const server = new HttpServer({ host: '127.0.0.1', port: 0, handler, settingNames, ...options });
    await server.start();
    running.push(server);
    return server;
  }

  it('lets a request under way finish when it stops, and takes no other', async () => {
    let finish = () => {};
    let asked = 0;
    const server = await serve((_, response) => {
      asked++;
      finish = () => response.end('finished');
    });
    const { url } = server;
    const answer = fetch(url).then((response) => response.text());
    await waitFor(() => asked === 1, { what: 'the request' });
    const stopped = server.stop();
    expect(
      await fetch(url).then(
        () => 'answered',
        () => 'refused',
      ),
    ).to.equal('refused');
    finish();
    expect(await answer).to.equal('finished');
    await stopped;
    expect(asked).to.equal(1);
  });

  for (const connections of [{ total: 2 }, { total: 10, perAddress: 2 }]) {
    const limit = connections.perAddress === undefined ? 'in all' : 'from one address';
    it(`holds so many connections ${limit}, says once that it drops others, and takes one when one has gone`, async () => {
      const told: number[] = [];
      const onDropped = (dropped: number) => void told.push(dropped);
      const server = await serve((_, response) => response.end('here'), { connections, onDropped });
      const port = Number(new URL(server.url).port);
      const sockets = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
      try {
        await Promise.all(sockets.map((socket) => once(socket, 'connect')));
        for (let n = 0; n < 3; n++) {
          const other = net.connect(port, '127.0.0.1').on('error', () => undefined);
          await once(other.resume(), 'close');
        }
        expect(told).to.deep.equal([1]);
        sockets.pop()?.destroy();
        await waitFor(
          () =>
            fetch(server.url).then(
              (response) => response.ok,
              () => false,
            ),
          { what: 'an answer' },
        );
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });
  }

  it('cuts what does not end in time', async () => {
    const server = await serve((_, response) => void response.write('on and on'), { graceMs: 50 });
    const response = await fetch(server.url);
    const body = response.text().then(
      () => 'whole',
      () => 'cut',
    );
    await server.stop();
    expect(await body).to.equal('cut');
  });

  for (const tls of [undefined, selfSigned('localhost')]) {
    const kind = tls ? 'over TLS' : 'in the clear';
    it(`is not held open by connections without a request ${kind}, and answers one that is being asked`, async () => {
      let finish = () => {};
      let asked = 0;
      const handler: RequestListener = (_, response) => {
        asked++;
        finish = () => response.end('finished');
      };
      const server = await serve(handler, { graceMs: NEVER_MS, ...(tls ? { tls } : {}) });
      const port = Number(new URL(server.url).port);
      const silent = net.connect(port, '127.0.0.1').on('error', () => undefined);
      await once(silent, 'connect');
      const answer = tls ? answerOverTls(server.url) : fetch(server.url).then((response) => response.text());
      await waitFor(() => asked === 1, { what: 'the request' });
      const stopped = server.stop();
      await once(silent.resume(), 'close');
      finish();
      expect(await answer).to.equal('finished');
      await stopped;
    });
  }

  it('that cannot listen says why, naming the setting', async () => {
    const first = await serve((_, response) => void response.end());
    const port = Number(new URL(first.url).port);
    const failureOf = (options: { port?: number; host?: string }) =>
      serve(() => undefined, options).then(
        () => 'no failure',
        (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
      );
    expect(await failureOf({ port })).to.equal(
      `in_use: port ${port} on 127.0.0.1 is in use by another program; choose another SOME_PORT`,
    );
    expect(await failureOf({ host: '203.0.113.7' })).to.equal(
      'usage: SOME_HOST 203.0.113.7 is not an address of this machine',
    );
  });

  it('knows which addresses only this machine can reach', () => {
    expect(['127.0.0.1', '127.8.9.1', '::1', 'localhost'].map(isLoopback)).to.deep.equal([true, true, true, true]);
    const others = [
      '0.0.0.0',
      '::',
      '',
      '10.0.0.1',
      '128.0.0.1',
      'localhost.example.org',
      '127.example.org',
      '127.0.0.1.example.org',
    ];
    expect(others.filter(isLoopback)).to.deep.equal([]);
  });
});

describe('credentials', () => {
  it('are read from their headers, and from nothing else', () => {
    expect(bearerToken('Bearer abc')).to.equal('abc');
    expect(bearerToken('bearer  abc ')).to.equal('abc');
    for (const header of [undefined, '', 'Bearer', 'Bearer a b', 'Basic abc', 'xBearer abc'])
      expect(bearerToken(header)).to.equal(undefined);
    const basic = (given: string) => basicCredentials(`Basic ${Buffer.from(given).toString('base64')}`);
    expect(basic('kano:pass:word')).to.deep.equal({ user: 'kano', password: 'pass:word' });
    expect(basic('kano:')).to.deep.equal({ user: 'kano', password: '' });
    expect(basic('kano')).to.equal(undefined);
    expect(basicCredentials('Basic §')).to.equal(undefined);
  });

  it('are equal only when they are the same', () => {
    expect([
      sameSecret('abc', 'abc'),
      sameSecret('abc', 'abd'),
      sameSecret('abc', 'abcd'),
      sameSecret('', 'a'),
    ]).to.deep.equal([true, false, false, false]);
  });
});
