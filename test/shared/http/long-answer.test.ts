import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { AppError } from '../../../shared/app-error.js';
import { errorHandler } from '../../../shared/http/errors.js';
import { sendLong } from '../../../shared/http/long-answer.js';
import { silentLogger } from '../../../shared/logger.js';
import { waitFor } from '../../support/wait-for.js';

const LINE = `${'x'.repeat(1023)}\n`;
const STEADY_MS = 400;

describe('a long answer', () => {
  let server: http.Server;
  let made = 0;
  let madeAtMs = 0;
  let isEnded = false;
  let failAfter = Number.POSITIVE_INFINITY;
  let isEndless = true;

  beforeEach(async () => {
    [made, isEnded, failAfter, isEndless] = [0, false, Number.POSITIVE_INFINITY, true];
    const lines = async function* () {
      try {
        while (isEndless || made < 200) {
          if (made >= failAfter) throw new AppError('unavailable', 'the store is gone', { retryAfterS: 5 });
          made++;
          madeAtMs = performance.now();
          yield LINE;
          await new Promise(setImmediate);
        }
      } finally {
        isEnded = true;
      }
    };
    const app = express();
    app.get('/', (_request, response) =>
      sendLong(response, { contentType: 'text/plain', lines: lines() }, silentLogger()),
    );
    app.use(errorHandler(silentLogger()));
    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const ask = async (method = 'GET') => {
    const { port } = server.address() as AddressInfo;
    const request = http.request({ host: '127.0.0.1', port, method }).end();
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.on('error', () => undefined);
    return { request, response };
  };

  it('is made no faster than it is read, and no further once the reader has gone', async () => {
    // The answer is there, and nobody reads it.
    const { request, response } = await ask();
    expect(response.statusCode).to.equal(200);
    await waitFor(() => performance.now() - madeAtMs > STEADY_MS, {
      what: 'the answer to wait for its reader',
      timeoutMs: 20_000,
    });
    expect(isEnded).to.equal(false);
    const madeBefore = made;
    response.resume();
    await waitFor(() => made > madeBefore + 1000, { what: 'the answer to go on' });
    request.destroy();
    await waitFor(() => isEnded, { what: 'the making to end' });
  });

  it('is a failure where nothing could be made, and is cut off where it fails later', async () => {
    failAfter = 0;
    const { response: refused } = await ask();
    expect([refused.statusCode, refused.headers['retry-after']]).to.deep.equal([503, '5']);
    refused.resume();
    failAfter = 150;
    isEnded = false;
    const { response } = await ask();
    expect(response.statusCode).to.equal(200);
    response.resume();
    await new Promise((resolve) => response.once('close', resolve));
    expect(response.complete).to.equal(false);
  });

  it('is not made further than its first line for HEAD, and fails as GET does', async () => {
    const { response } = await ask('HEAD');
    response.resume();
    await once(response, 'end');
    expect([response.statusCode, response.headers['content-type']]).to.deep.equal([200, 'text/plain; charset=utf-8']);
    expect([made, isEnded]).to.deep.equal([1, true]);
    failAfter = 0;
    const { response: refused } = await ask('HEAD');
    expect(refused.statusCode).to.equal(503);
  });

  it('is whole otherwise', async () => {
    isEndless = false;
    const { response } = await ask();
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    expect([bytes, response.complete, isEnded]).to.deep.equal([200 * LINE.length, true, true]);
  });
});
