/** Queries passed on to a CouchDB, or to what stands before one, that does not answer as it should. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { CouchQueryAnswer } from '../../../server/store/contract.js';
import { CouchClient } from '../../../server/store/couch-client.js';
import { couchQuery } from '../../../server/store/couch-query.js';
import { AppError } from '../../../shared/app-error.js';

describe('a query passed on to CouchDB', () => {
  let server: http.Server;
  let client: CouchClient;

  before(async () => {
    server = http.createServer((request, response) => {
      const path = (request.url ?? '').replace(/^\/telemetry\//, '');
      if (path === 'half') {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.write('{"rows":[', () => setImmediate(() => response.destroy()));
      } else if (path === 'page')
        response.writeHead(500, { 'Content-Type': 'text/html' }).end('<html>at line 5</html>');
      else if (path === 'login') response.writeHead(401).end('{"error":"unauthorized","reason":"Name or password"}');
      else if (path === 'moved') response.writeHead(302, { Location: '/elsewhere' }).end();
      else if (path === 'words') response.writeHead(400).end('{"error":"query_parse_error","reason":"no","stack":"x"}');
      else if (path === 'whole?limit=1') response.writeHead(200).end('{"rows":[]}');
      // Anything else is not answered.
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = new CouchClient({ url, user: 'gateway', password: 'hidden-words', prefix: '' });
  });
  after(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });

  const ask = async (path: string, { signal = new AbortController().signal, limit = '' } = {}) => {
    const parameters = new URLSearchParams(limit === '' ? {} : { limit });
    let answer: CouchQueryAnswer | undefined;
    let text = '';
    await couchQuery(client, { method: 'GET', path, parameters, signal }, async (taken) => {
      answer = taken;
      if (taken.ok) for await (const chunk of taken.chunks) text += Buffer.from(chunk).toString('utf8');
    });
    return { answer, text };
  };

  const failureOf = async (asking: Promise<unknown>): Promise<AppError> => {
    const error = await asking.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof AppError) return error;
    throw new Error(`an AppError was expected, not ${String(error)}`);
  };

  it('gives the bytes as they come, and CouchDB’s own words where it refuses', async () => {
    expect((await ask('whole', { limit: '1' })).text).to.equal('{"rows":[]}');
    expect((await ask('words')).answer).to.deep.equal({
      ok: false,
      status: 400,
      error: 'query_parse_error',
      reason: 'no',
    });
  });

  it('is unavailable with a time to try again, whatever goes wrong, and tells no secret', async () => {
    for (const path of ['half', 'page', 'login', 'moved']) {
      const error = await failureOf(ask(path));
      expect([error.code, typeof error.retryAfterS], path).to.deep.equal(['unavailable', 'number']);
      expect(error.message).to.not.match(/hidden-words|at line/);
    }
  });

  it('ends when it is called off, although aborting the request ends no answer', async () => {
    // As with a fetch whose request was collected as garbage: nothing but reading can end the answer.
    const body = new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from('{"rows":[')) });
    const client: Parameters<typeof couchQuery>[0] = {
      exchange: (_request, _giveUp, use) => use(new Response(body)),
      goneError: () => undefined,
    };
    const leaving = new AbortController();
    const query = { method: 'GET', path: 'x', parameters: new URLSearchParams(), signal: leaving.signal } as const;
    const asking = couchQuery(client, query, async (taken) => {
      if (taken.ok) for await (const _chunk of taken.chunks) leaving.abort();
    });
    expect(await failureOf(asking)).to.have.property('code', 'unavailable');
  });

  it('ends when nobody waits for the answer any more, and when the centre stops', async () => {
    const leaving = new AbortController();
    const asking = failureOf(ask('silence', { signal: leaving.signal }));
    leaving.abort();
    expect((await asking).code).to.equal('unavailable');
    const stopped = failureOf(ask('silence'));
    client.close();
    expect((await stopped).message).to.include('being stopped');
  });
});
