import { expect } from 'chai';
import { describe, it } from 'mocha';
import { PAGE_FOLDER } from '../../../../edge/api/dashboard/dashboard.js';
import { PageFiles } from '../../../../shared/http/page/page-files.js';
import { useTempFolder } from '../../../support/temp-folder.js';
import { ask, rawRequest } from '../node-client.js';
import { useNodes } from '../node-under-test.js';
import { EventClient } from './event-client.js';

const TOKEN = 'a-token-nobody-guesses';
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
/** The names of XML vocabularies, which nobody loads. */
const NAMESPACE = 'http://www.w3.org/2000/svg';
const MAX_BYTES = 100_000;

/** As it is sent: status, headers and the bytes. */
async function rawGet(url: string, path: string, ...headers: string[]): Promise<{ head: string; bytes: number }> {
  const host = new URL(url).host;
  const common = [`Host: ${host}`, 'Accept-Encoding: gzip, deflate', 'Connection: close'];
  const lines = [`GET ${path} HTTP/1.1`, ...common, ...headers, '', ''];
  const answer = await rawRequest(url, lines.join('\r\n'));
  const head = answer.slice(0, answer.indexOf('\r\n\r\n'));
  return { head, bytes: Number(/content-length: (\d+)/i.exec(head)?.[1]) };
}

/** What the page names: styles, scripts, pictures. */
function linksOf(html: string): string[] {
  return [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => String(path));
}

describe('the dashboard’s page', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('comes with a policy that lets it load from, and speak to, its own node alone, and run nothing inline', async () => {
    const { url } = await nodes.start(folder.path);
    const { status, headers, text } = await ask(`${url}/`);
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.equal('text/html; charset=utf-8');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).to.contain("default-src 'none'");
    expect(policy).to.contain("script-src 'self'");
    expect(policy).to.contain("frame-ancestors 'none'");
    expect(policy).to.not.match(/unsafe|\*|https?:|data:/);
    expect(text).to.not.match(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:/i);
    expect(text).to.not.match(/\{\{|<!-- modules/);
  });

  it('takes less than 100 kB compressed in all, and is sent compressed', async () => {
    const { url } = await nodes.start(folder.path);
    const { text } = await ask(`${url}/`);
    const files = new Set(['/', ...linksOf(text)]);
    const { names, base } = await PageFiles.load(PAGE_FOLDER);
    // Whatever a script of it may import is counted as well.
    for (const name of names) if (!name.endsWith('.html')) files.add(`${base}/${name}`);
    expect(files.size).to.be.greaterThan(15);
    let total = 0;
    for (const path of files) {
      const { head, bytes } = await rawGet(url, path);
      expect(head, path).to.match(/^HTTP\/1.1 200 /);
      expect(head, path).to.match(/content-encoding: gzip/i);
      total += bytes + head.length + 4;
    }
    expect(total).to.be.within(10_000, MAX_BYTES);
  });

  it('names no address outside the node in any of its files', async () => {
    const { names, get } = await PageFiles.load(PAGE_FOLDER).then((files) => ({
      names: files.names,
      get: (n: string) => files.get(n),
    }));
    expect(names).to.include.members([
      'edge/dashboard/main.js',
      'style.css',
      'index.html',
      'edge/dashboard/words/fr.js',
    ]);
    for (const name of names) {
      const text = get(name)?.plain.toString('utf8').replaceAll(NAMESPACE, '') ?? '';
      expect(text, name).to.not.match(/https?:|["'(]\/\/|wss?:|@import/);
      expect(text, name).to.not.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
    }
  });

  it('has its files kept for good under a path that changes with them, and is itself asked for each time', async () => {
    const { url } = await nodes.start(folder.path);
    const page = await ask(`${url}/`);
    expect(page.headers.get('cache-control')).to.equal('no-cache');
    // Not with `fetch`, which asks for a fresh answer then.
    const etag = /etag: (.*)/i.exec((await rawGet(url, '/')).head)?.[1] ?? '';
    expect((await rawGet(url, '/', `If-None-Match: ${etag}`)).head).to.match(/^HTTP\/1.1 304 /);
    const main = linksOf(page.text).find((path) => path.endsWith('/main.js')) ?? '';
    expect(main).to.match(/^\/dashboard\/[0-9a-f]{16}\/edge\/dashboard\/main\.js$/);
    const script = await ask(url + main);
    expect(script.headers.get('cache-control')).to.equal('public, max-age=31536000, immutable');
    expect(script.headers.get('content-type')).to.equal('text/javascript; charset=utf-8');
    for (const path of [
      main.replace(/[0-9a-f]{16}/, '0'.repeat(16)),
      main.replace('main.js', 'none.js'),
      main.replace('edge/dashboard/main.js', 'index.html'),
      main.replace('main.js', '..%2f..%2fmain.js'),
      main.replace('main.js', '%2e%2e/%2e%2e/config.js'),
    ]) {
      expect((await ask(url + path)).status, path).to.equal(404);
    }
    expect((await ask(`${url}/`, { method: 'POST' })).status).to.equal(405);
    expect((await ask(url + main, { method: 'PUT' })).headers.get('allow')).to.equal('GET');
  });

  it('speaks the language the browser asks for, English else', async () => {
    const { url } = await nodes.start(folder.path);
    for (const [asked, language, word] of [
      ['fr-FR,fr;q=0.9,en;q=0.5', 'fr', 'Synchroniser maintenant'],
      ['fr-CM', 'fr', 'Synchroniser maintenant'],
      ['en-GB,en;q=0.9', 'en', 'Sync now'],
      ['sw,fr;q=0.4,en;q=0.3', 'fr', 'Synchroniser maintenant'],
      ['sw', 'en', 'Sync now'],
      ['', 'en', 'Sync now'],
    ]) {
      const { text, headers } = await ask(`${url}/`, { headers: { 'Accept-Language': String(asked) } });
      expect(text, asked).to.contain(`<html lang="${language}">`);
      expect(text, asked).to.contain(word);
      expect(headers.get('vary')).to.match(/accept-language/i);
    }
  });
});

describe('the dashboard’s login', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  async function login(url: string, token: string, headers: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams({ token });
    return fetch(`${url}/dashboard/login`, {
      method: 'POST',
      headers: { ...FORM, ...headers },
      body,
      redirect: 'manual',
    });
  }

  function cookieOf(response: Response): string {
    return response.headers.get('set-cookie')?.split(';')[0] ?? '';
  }

  it('is all there is without the token, and tells nothing of the node', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    const { status, text } = await ask(`${url}/`);
    expect(status).to.equal(200);
    expect(text).to.contain('name="token"').and.not.contain('main.js').and.not.contain(TOKEN);
    expect((await ask(`${url}/v1/events`)).status).to.equal(401);
  });

  it('takes the token for a cookie that scripts cannot read and other sites do not send', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    const response = await login(url, TOKEN);
    expect([response.status, response.headers.get('location')]).to.deep.equal([303, '/']);
    const attributes = response.headers.get('set-cookie') ?? '';
    expect(attributes).to.contain('HttpOnly').and.contain('SameSite=Strict').and.contain('Path=/');
    expect(attributes).to.not.contain(TOKEN);
    const Cookie = cookieOf(response);
    expect((await ask(`${url}/`, { headers: { Cookie } })).text).to.contain('main.js');
    expect((await ask(`${url}/v1/status`, { headers: { Cookie } })).status).to.equal(200);
    const events = await EventClient.open(`${url}/v1/events`, { Cookie });
    expect(events.response.status).to.equal(200);
    await events.leave();
  });

  it('refuses every other token, in a page that says so', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    for (const token of ['', 'wrong', `${TOKEN}x`, TOKEN.slice(1)]) {
      const response = await login(url, token);
      expect(response.status).to.equal(401);
      expect(response.headers.get('set-cookie')).to.equal(null);
      expect(await response.text()).to.contain('not the token of this node');
    }
    const huge = await login(url, 'x'.repeat(100_000));
    expect(huge.status).to.equal(413);
  });

  it('looks at no more tokens after ten wrong ones a minute, and lets in who was right before', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    expect((await login(url, TOKEN)).status).to.equal(303);
    for (let n = 0; n < 10; n++) expect((await login(url, `wrong-${n}`)).status).to.equal(401);
    const refused = await login(url, 'wrong-again');
    expect(refused.status).to.equal(429);
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 60);
    expect(await refused.text())
      .to.contain('Too many wrong tokens')
      .and.contain('name="token"');
    expect((await login(url, TOKEN)).status).to.equal(303);
  });

  it('counts for requests of the node’s own page alone', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    const { host } = new URL(url);
    const Cookie = cookieOf(await login(url, TOKEN));
    const json = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ device: 'm1', at: '2026-03-01T00:00:00Z', powerW: 1 });
    const write = (headers: Record<string, string>) =>
      ask(`${url}/v1/readings`, { method: 'POST', headers: { Cookie, ...json, ...headers }, body });
    for (const headers of [
      {},
      { Origin: 'null' },
      { Origin: 'http://elsewhere.example' },
      { Origin: `http://${host}.elsewhere.example` },
      { Origin: `http://${host}`, 'Sec-Fetch-Site': 'cross-site' },
      { Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-site' },
    ] as Record<string, string>[]) {
      expect((await write(headers)).status, JSON.stringify(headers)).to.equal(401);
      if (headers.Origin === undefined) continue;
      expect((await ask(`${url}/v1/status`, { headers: { Cookie, ...headers } })).status).to.equal(401);
      expect((await login(url, TOKEN, headers)).status, JSON.stringify(headers)).to.equal(403);
    }
    expect((await write({ Origin: `http://${host}` })).status).to.equal(201);
    expect((await login(url, TOKEN, { Origin: `http://${host}` })).status).to.equal(303);
  });

  it('lasts a week, over a restart, and ends with the token it was made of', async () => {
    let nowMs = Date.now();
    const clock = { now: () => nowMs, monotonic: () => performance.now() };
    const first = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN }, clock);
    const Cookie = cookieOf(await login(first.url, TOKEN));
    const asked = async (url: string) => (await ask(`${url}/v1/status`, { headers: { Cookie } })).status;
    await first.stop();
    const second = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN }, clock);
    expect(await asked(second.url)).to.equal(200);
    nowMs += 8 * 86_400_000;
    expect(await asked(second.url)).to.equal(401);
    nowMs -= 8 * 86_400_000;
    await second.stop();
    const third = await nodes.start(folder.path, { EDGE_TOKEN: `${TOKEN}2` }, clock);
    expect(await asked(third.url)).to.equal(401);
  });

  it('takes no cookie that was not made here', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    const good = cookieOf(await login(url, TOKEN));
    const [, until = '', signature = ''] = /=(\d+)\.(.*)$/.exec(good) ?? [];
    for (const cookie of [
      `solar_session=${Number(until) + 1}.${signature}`,
      `solar_session=${until}.${signature.slice(0, -1)}A`,
      `solar_session=${until}.${'A'.repeat(43)}`,
      `solar_session=${TOKEN}`,
      'solar_session=',
    ]) {
      if (cookie === good) continue;
      expect((await ask(`${url}/v1/status`, { headers: { Cookie: cookie } })).status, cookie).to.equal(401);
    }
    expect((await ask(`${url}/v1/status`, { headers: { Cookie: `a=b; ${good}; c=d` } })).status).to.equal(200);
  });

  it('ends on request', async () => {
    const { url } = await nodes.start(folder.path, { EDGE_TOKEN: TOKEN });
    const response = await fetch(`${url}/dashboard/logout`, { method: 'POST', redirect: 'manual' });
    expect(response.status).to.equal(303);
    expect(response.headers.get('set-cookie')).to.contain('solar_session=;').and.contain('Max-Age=0');
  });

  it('protects a node without a token, too, from pages of other sites', async () => {
    const { url } = await nodes.start(folder.path);
    for (const Origin of ['null', 'http://elsewhere.example', `${url}0`]) {
      for (const [method, path] of [
        ['POST', '/v1/replicate'],
        ['POST', '/v1/quarantine/retry'],
        ['GET', '/v1/status'],
      ]) {
        const answer = await ask(url + path, { method: String(method), headers: { Origin } });
        expect([answer.status, answer.body.error?.code], Origin).to.deep.equal([403, 'forbidden']);
      }
    }
    expect((await ask(`${url}/v1/status`, { headers: { Origin: url } })).status).to.equal(200);
  });

  it('is asked for by nobody where there is no token', async () => {
    const { url } = await nodes.start(folder.path);
    expect((await ask(`${url}/`)).text).to.contain('main.js');
    expect((await login(url, 'anything')).status).to.equal(303);
  });
});
