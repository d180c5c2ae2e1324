import { expect } from 'chai';
import { describe, it } from 'mocha';
import { SettableClock } from '../../support/settable-clock.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { type Answer, ask, listAll, post, rawRequest } from './node-client.js';
import { useNodes } from './node-under-test.js';

const TOKEN = 'a-token-nobody-guesses';
const READING = { device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 1 };

function expectError({ status, body, text, headers }: Answer, wanted: number, code: string): void {
  expect([status, body.error?.code], text).to.deep.equal([wanted, code]);
  expect(Object.keys(body)).to.deep.equal(['error']);
  expect(body.error?.message).to.have.length.greaterThan(5);
  expect(headers.get('content-type')).to.match(/^application\/json/);
  expect(text).to.not.match(/\n\s+at |node_modules|\.js:\d/);
}

describe('the REST API', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('answers nothing but the probes without the token, where one is set', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    const body = JSON.stringify(READING);
    const json = { 'Content-Type': 'application/json' };
    for (const Authorization of [
      undefined,
      '',
      'Bearer',
      'Bearer wrong',
      `Basic ${TOKEN}`,
      TOKEN,
      `Bearer ${TOKEN}x`,
    ]) {
      const headers: Record<string, string> = Authorization === undefined ? {} : { Authorization };
      for (const path of [
        '/v1/readings',
        '/v1/predictions',
        '/v1/status',
        '/v1/quarantine',
        '/v1/alerts',
        '/v1/stats',
        '/metrics',
        '/v1/events',
        '/v1/devices',
        '/nothing',
      ]) {
        const answer = await ask(url + path, { headers });
        expectError(answer, 401, 'unauthorized');
        expect(answer.headers.get('www-authenticate')).to.equal('Bearer');
        expect(answer.text).to.not.contain(TOKEN);
      }
      expectError(
        await ask(`${url}/v1/readings`, { method: 'POST', headers: { ...headers, ...json }, body }),
        401,
        'unauthorized',
      );
      expectError(await ask(`${url}/v1/replicate`, { method: 'POST', headers }), 401, 'unauthorized');
      expectError(await ask(`${url}/v1/quarantine/x`, { method: 'DELETE', headers }), 401, 'unauthorized');
      expect((await ask(`${url}/healthz`, { headers })).status).to.equal(200);
      expect((await ask(`${url}/readyz`, { headers })).status).to.equal(200);
    }
    const authorised = { Authorization: `bearer ${TOKEN}` };
    const stored = await ask(`${url}/v1/readings`, { method: 'POST', headers: { ...authorised, ...json }, body });
    expect([stored.status, stored.body.lastSeq]).to.deep.equal([201, 2]);
    for (const path of ['/v1/readings', '/v1/status', '/metrics']) {
      expect((await ask(url + path, { headers: authorised })).status).to.equal(200);
    }
    const tokens = await ask(`${url}/v1/status`, { headers: authorised });
    expect(tokens.text).to.not.contain(TOKEN);
  });

  it('needs no token where none is set', async () => {
    const { url } = await nodes.start(folder.path);
    expect((await post(url, 'readings', READING)).status).to.equal(201);
  });

  it('says 404 for what there is not, and 405 with what there is for a method that is not', async () => {
    const { url } = await nodes.start(folder.path);
    for (const path of [
      '/v1',
      '/v1/reading',
      '/v1/readings/1',
      '/v2/readings',
      '/v1/quarantine/x/y',
      '/favicon.ico',
      '//',
      '/v1//readings',
    ]) {
      expectError(await ask(url + path), 404, 'not_found');
    }
    expectError(await ask(`${url}/v1/quarantine/none`, { method: 'DELETE' }), 404, 'not_found');
    for (const [method, path, allow] of [
      ['PUT', '/v1/readings', 'GET, POST'],
      ['DELETE', '/v1/readings', 'GET, POST'],
      ['PATCH', '/v1/predictions', 'GET, POST'],
      ['POST', '/v1/status', 'GET'],
      ['POST', '/v1/alerts', 'GET'],
      ['DELETE', '/v1/stats', 'GET'],
      ['GET', '/v1/replicate', 'POST'],
      ['POST', '/v1/quarantine', 'GET'],
      ['GET', '/v1/quarantine/retry', 'POST'],
      ['GET', '/v1/quarantine/x', 'DELETE'],
      ['POST', '/metrics', 'GET'],
      ['POST', '/healthz', 'GET'],
      ['DELETE', '/readyz', 'GET'],
    ]) {
      const answer = await ask(url + path, { method: String(method) });
      expectError(answer, 405, 'method_not_allowed');
      expect([path, answer.headers.get('allow')]).to.deep.equal([path, allow]);
    }
    expect(await listAll(url, 'readings')).to.deep.equal([]);
  });

  it('answers malformed paths, headers and methods with an error and no stack trace, and goes on', async () => {
    const { url } = await nodes.start(folder.path);
    const request = (line: string, ...headers: string[]) =>
      rawRequest(url, [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n'));
    for (const [line, status] of [
      ['GET /%E0%A4%A', 404],
      ['GET /%', 404],
      ['DELETE /v1/quarantine/%E0%A4%A', 400],
      ['DELETE /v1/quarantine/%2f..', 404],
      ['DELETE /v1/quarantine/..%2f..%2fstate', 404],
      ['GET /v1/../../etc/passwd', 404],
      ['GET /v1/readings/../status', 404],
      ['GET /v1/readings?device=%E0%A4%A', 400],
      ['GET /v1/readings?%E0%A4%A=1', 400],
      ['GET http://elsewhere/v1/nothing', 404],
      ['GET *', 404],
      ['BREW /v1/readings', 400],
      ['GET nonsense with spaces', 400],
    ] as const) {
      const answer = await request(line);
      expect([line, Number(answer.split(' ')[1])], answer).to.deep.equal([line, status]);
      expect(answer, line).to.not.match(/\n\s+at |node_modules|\.js:\d/);
    }
    const long = await request('GET /v1/status', `X-Long: ${'x'.repeat(20_000)}`);
    expect(long).to.match(/^HTTP\/1.1 431 /);
    expect((await ask(`${url}/healthz`)).status).to.equal(200);
  });

  it('tells nothing of what it is made of, and forbids what a browser should not do with it', async () => {
    const { url } = await nodes.start(folder.path);
    const { headers } = await ask(`${url}/v1/status`);
    expect(headers.get('x-powered-by')).to.equal(null);
    expect(headers.get('x-content-type-options')).to.equal('nosniff');
    expect(headers.get('content-security-policy')).to.contain("default-src 'none'");
  });

  it('looks at no more tokens from an address after a hundred wrong ones a minute, but at one that was right', async () => {
    // On a clock that runs, one more is looked at after 600 ms.
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN }, new SettableClock(Date.now()));
    const asked = (token: string) => ask(`${url}/v1/status`, { headers: { Authorization: `Bearer ${token}` } });
    expect((await asked(TOKEN)).status).to.equal(200);
    for (let n = 0; n < 100; n++) expect((await asked(`wrong-${n}`)).status).to.equal(401);
    const refused = await asked('wrong-again');
    expectError(refused, 429, 'busy');
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 60);
    expect((await asked(TOKEN)).status).to.equal(200);
  });

  it('says that a node without a centre cannot replicate', async () => {
    const { url } = await nodes.start(folder.path);
    expectError(await ask(`${url}/v1/replicate`, { method: 'POST' }), 409, 'not_configured');
    expectError(await ask(`${url}/v1/quarantine/retry`, { method: 'POST' }), 409, 'not_configured');
    const bad = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
    for (const body of ['{"deadlineS":0}', '{"deadline":5}', '{"maxRetries":-1}', '[]', '{', '5']) {
      expectError(await ask(`${url}/v1/replicate`, { ...bad, body }), 400, 'invalid_request');
    }
  });

  it('gives its state, whole, as status', async () => {
    const node = await nodes.start(folder.path, { BUFFER_MAX_MB: '500' });
    await post(node.url, 'readings', READING);
    const { status, text } = await ask(`${node.url}/v1/status`);
    expect(status).to.equal(200);
    const told = JSON.parse(text);
    expect(told).to.include({ village: 'kano', clock: 'sure' });
    expect(told.version).to.match(/^\d+\.\d+\.\d+/);
    expect(told.node).to.match(/^[a-z0-9]{4,12}$/);
    expect(told.store).to.include({
      pending: 2,
      lastSeq: 2,
      segments: 1,
      quarantined: 0,
      lost: 0,
      capacityBytes: 500e6,
    });
    expect(Date.now() - Date.parse(told.store.oldestPendingAt)).to.be.within(0, 60_000);
    expect(told.link.state).to.equal('unknown');
    expect(told.sync).to.include({ mode: 'live', docsSent: 0, bytesSent: 0, bytesReceived: 0 });
    expect(told.alerts).to.deep.equal([]);
    const metrics = await ask(`${node.url}/metrics`);
    expect(metrics.headers.get('content-type')).to.match(/^text\/plain/);
    expect(metrics.text).to.match(/^solar_edge_pending_documents\{village="kano"\} 2$/m);
    expect(metrics.text).to.match(/^solar_edge_last_seq\{village="kano"\} 2$/m);
  });
});
