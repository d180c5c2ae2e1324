import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { FaultProxy, faults } from './fault-proxy.js';

describe('the fault proxy', () => {
  let target: Server;
  let proxy: FaultProxy;
  /** What the target was asked, as `METHOD path body`. */
  let asked: string[];

  beforeEach(async () => {
    asked = [];
    target = http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push(`${request.method} ${request.url} ${body}`);
      response.writeHead(201, { 'Content-Type': 'application/json', 'X-Seen': String(request.headers['x-mine']) });
      response.end(JSON.stringify({ ok: true, text: 'x'.repeat(100) }));
    });
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    proxy = new FaultProxy(`http://127.0.0.1:${(target.address() as AddressInfo).port}`);
    await proxy.start();
  });

  afterEach(async () => {
    await proxy.stop();
    target.closeAllConnections();
    await new Promise((resolve) => target.close(resolve));
  });

  const post = (path = '/a?b=c', signal: AbortSignal = AbortSignal.timeout(5_000)): Promise<Response> =>
    fetch(proxy.url + path, {
      method: 'POST',
      body: 'hello',
      headers: { 'X-Mine': 'yes' },
      redirect: 'manual',
      signal,
    });

  const failureOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'no failure', messageOf);

  it('forwards a request whole where the rule names no fault', async () => {
    const response = await post();
    expect([response.status, response.headers.get('x-seen')]).to.deep.equal([201, 'yes']);
    expect(await response.json()).to.have.property('ok', true);
    expect(asked).to.deep.equal(['POST /a?b=c hello']);
    expect(proxy.requests.map(({ method, path, body }) => `${method} ${path} ${body}`)).to.deep.equal(asked);
  });

  it('shows the rule the request and can treat each one differently', async () => {
    proxy.rule = ({ index, path, body }) =>
      path === '/bad' ? faults.json(503, { index, body: String(body) }) : undefined;
    expect((await post('/good')).status).to.equal(201);
    const bad = await post('/bad');
    expect([bad.status, await bad.json()]).to.deep.equal([503, { index: 1, body: 'hello' }]);
    expect(asked).to.have.length(1);
  });

  for (const [name, fault, status, body] of [
    ['an empty list', faults.emptyList(201), 201, '[]'],
    ['truncated JSON', faults.truncatedJson(), 200, '[{"id":"half'],
    ['a page of HTML', faults.html(), 200, /^<!doctype html>/],
  ] as const) {
    it(`can answer ${name} without asking the target`, async () => {
      proxy.rule = () => fault;
      const response = await post();
      expect(response.status).to.equal(status);
      const text = await response.text();
      if (typeof body === 'string') expect(text).to.equal(body);
      else expect(text).to.match(body);
      expect(asked).to.deep.equal([]);
    });
  }

  it('can redirect', async () => {
    proxy.rule = () => faults.redirect('http://127.0.0.1:1/elsewhere');
    const response = await post();
    expect([response.status, response.headers.get('location')]).to.deep.equal([302, 'http://127.0.0.1:1/elsewhere']);
  });

  it('can lose the answer after the target has acted', async () => {
    proxy.rule = () => ({ kind: 'lose-answer' });
    expect(await failureOf(post())).to.equal('fetch failed');
    expect(asked).to.deep.equal(['POST /a?b=c hello']);
  });

  it('can cut the answer in the middle of its body', async () => {
    proxy.rule = () => ({ kind: 'cut-answer', afterBytes: 10 });
    const response = await post();
    expect(response.status).to.equal(201);
    expect(await failureOf(response.text())).to.equal('terminated');
  });

  it('can reset without asking the target', async () => {
    proxy.rule = () => ({ kind: 'reset' });
    expect(await failureOf(post())).to.equal('fetch failed');
    expect(asked).to.deep.equal([]);
  });

  it('can send a body that does not end', async () => {
    proxy.rule = () => ({ kind: 'endless' });
    const leave = new AbortController();
    const response = await post('/', leave.signal);
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += (chunk as Uint8Array).length;
      if (length > 1_000_000) break;
    }
    leave.abort();
    expect(length).to.be.greaterThan(1_000_000);
  });

  it('can hang before the headers and after them, and still be stopped', async () => {
    proxy.rule = () => ({ kind: 'hang', when: 'before-headers' });
    expect(await failureOf(post('/', AbortSignal.timeout(150)))).to.match(/timeout/);
    proxy.rule = () => ({ kind: 'hang', when: 'after-headers' });
    const response = await post();
    const body = failureOf(response.text());
    await proxy.stop();
    expect(await body).to.equal('terminated');
  });

  it('breaks the connection when the target cannot be reached', async () => {
    const nowhere = new FaultProxy('http://127.0.0.1:1');
    await nowhere.start();
    try {
      expect(await failureOf(fetch(nowhere.url))).to.equal('fetch failed');
    } finally {
      await nowhere.stop();
    }
  });
});
