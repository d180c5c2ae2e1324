/** The fleet's dashboard without a browser: page, files, login and who is let in by its cookie. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { PAGE_FOLDER } from '../../../server/dashboard/fleet-page.js';
import { PageFiles } from '../../../shared/http/page/page-files.js';
import { systemClock } from '../../../shared/time.js';
import { Centre, json } from '../support/centre.js';

const WEEK_MS = 7 * 86_400_000;
/** The names of XML vocabularies, which nobody loads. */
const NAMESPACE = 'http://www.w3.org/2000/svg';
const MAX_BYTES = 100_000;

describe('the fleet’s dashboard', () => {
  let centre: Centre;
  let aheadMs = 0;
  let minutes = 0;

  before(async () => {
    const startMs = systemClock.monotonic();
    // A slow machine must not have the time for one more wrong token.
    const clock = { now: () => Date.now() + aheadMs, monotonic: () => startMs + minutes * 60_000 };
    centre = await Centre.start('embedded', { clock });
    await centre.addVillage('kano');
  });
  after(() => centre.stop());

  const login = (token: string, headers: Record<string, string> = {}) =>
    centre.anonymous('/dashboard/login', {
      ...{ method: 'POST', body: new URLSearchParams({ token }), headers, redirect: 'manual' },
    });
  const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? '';
  const page = async (Cookie = '') => (await centre.anonymous('/dashboard', { headers: { Cookie } })).text();

  it('comes with a policy that lets it load from, and speak to, its own centre alone, and run nothing inline', async () => {
    const Cookie = cookieOf(await login(centre.tokens.admin));
    const response = await centre.anonymous('/dashboard', { headers: { Cookie } });
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy)
      .to.contain("default-src 'none'")
      .and.contain("script-src 'self'")
      .and.contain("frame-ancestors 'none'");
    expect(policy).to.contain("require-trusted-types-for 'script'");
    expect(policy).to.not.match(/unsafe|\*|https?:|data:/);
    const text = await response.text();
    expect(text).to.not.match(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|\{\{|<!-- modules/i);
    expect(response.headers.get('cache-control')).to.equal('no-cache');
    expect(response.headers.get('vary'))
      .to.match(/accept-language/i)
      .and.match(/cookie/i);
  });

  it('has its files kept for good under a path that changes with them, compressed, all of them below 100 kB', async () => {
    const { names, base } = await PageFiles.load(PAGE_FOLDER);
    expect(names).to.include.members(['server/dashboard/page/main.js', 'fleet.css', 'base.css', 'index.html']);
    let bytes = 0;
    for (const name of names.filter((one) => !one.endsWith('.html'))) {
      const response = await centre.anonymous(`${base}/${name}`, { headers: { 'Accept-Encoding': 'gzip' } });
      expect(response.status, name).to.equal(200);
      expect(response.headers.get('cache-control'), name).to.equal('public, max-age=31536000, immutable');
      expect(response.headers.get('content-encoding'), name).to.equal('gzip');
      bytes += Number(response.headers.get('content-length'));
      await response.arrayBuffer();
    }
    expect(bytes).to.be.within(10_000, MAX_BYTES);
    for (const path of ['index.html', 'none.js', '..%2f..%2fmain.js', '%2e%2e/%2e%2e/config.js']) {
      expect((await centre.anonymous(`${base}/${path}`)).status, path).to.equal(404);
    }
    expect((await centre.anonymous('/dashboard/0123456789abcdef/base.css')).status).to.equal(404);
  });

  it('names no address outside the centre in any of its files, and makes markup of nothing', async () => {
    const files = await PageFiles.load(PAGE_FOLDER);
    for (const name of files.names) {
      const text = files.get(name)?.plain.toString('utf8').replaceAll(NAMESPACE, '') ?? '';
      expect(text, name).to.not.match(/https?:|["'(]\/\/|\bwss?:|@import/);
      expect(text, name).to.not.match(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
    }
  });

  it('asks for a token first, and tells nothing of the fleet before', async () => {
    const text = await page();
    expect(text).to.contain('name="token"').and.not.contain('main.js').and.not.contain('kano');
    expect((await centre.anonymous('/v1/villages')).status).to.equal(401);
  });

  it('takes a token for a cookie that scripts cannot read and other sites do not send, and names its role', async () => {
    for (const role of ['analyst', 'admin'] as const) {
      const response = await login(centre.tokens[role]);
      expect([response.status, response.headers.get('location')]).to.deep.equal([303, '/dashboard']);
      const attributes = response.headers.get('set-cookie') ?? '';
      expect(attributes).to.contain('HttpOnly').and.contain('SameSite=Strict').and.contain('Path=/');
      expect(attributes).to.not.contain(centre.tokens[role]).and.not.contain('Secure');
      expect(await page(cookieOf(response))).to.contain(`data-role="${role}"`);
    }
  });

  it('lets an analyst look and an admin edit, from its own pages alone', async () => {
    const village = json({ id: 'jos' });
    const add = (Cookie: string, Origin?: string) =>
      centre.anonymous('/v1/villages', {
        ...village,
        headers: { ...(village.headers as object), Cookie, ...(Origin === undefined ? {} : { Origin }) },
      });
    const analyst = cookieOf(await login(centre.tokens.analyst));
    const admin = cookieOf(await login(centre.tokens.admin));
    expect((await centre.anonymous('/v1/villages', { headers: { Cookie: analyst } })).status).to.equal(200);
    expect((await add(analyst, centre.url)).status).to.equal(403);
    for (const origin of [undefined, 'null', 'https://elsewhere.example', `${centre.url}.elsewhere.example`]) {
      expect((await add(admin, origin)).status, origin).to.equal(401);
    }
    expect((await login(centre.tokens.admin, { Origin: 'https://elsewhere.example' })).status).to.equal(403);
    expect((await add(admin, centre.url)).status).to.equal(201);
  });

  it('takes no cookie that was not made here, and none for another role', async () => {
    const good = cookieOf(await login(centre.tokens.analyst));
    for (const cookie of [
      good.replace('.analyst.', '.admin.'),
      `${good.slice(0, -1)}~`,
      good.replace(/\d+/, '9999999999999'),
    ]) {
      const response = await centre.anonymous('/v1/villages', { headers: { Cookie: cookie } });
      expect(response.status, cookie).to.equal(401);
    }
  });

  it('has the login last a week, and end on request', async () => {
    const Cookie = cookieOf(await login(centre.tokens.analyst));
    const status = async () => (await centre.anonymous('/v1/villages', { headers: { Cookie } })).status;
    aheadMs = WEEK_MS - 60_000;
    expect(await status()).to.equal(200);
    aheadMs = WEEK_MS + 60_000;
    expect(await status()).to.equal(401);
    aheadMs = 0;
    const out = await centre.anonymous('/dashboard/logout', { method: 'POST', redirect: 'manual' });
    expect(out.status).to.equal(303);
    expect(out.headers.get('set-cookie')).to.contain('solar_fleet_session=;').and.contain('Max-Age=0');
  });

  it('does not make the browser ask for a password of its own when a page’s login is over', async () => {
    const asked = async (headers: Record<string, string>) =>
      (await centre.anonymous('/v1/villages', { headers })).headers.get('www-authenticate');
    expect(await asked({ 'X-Requested-With': 'dashboard' })).to.equal('Bearer');
    expect(await asked({})).to.match(/^Basic /);
  });

  it('looks at no more tokens after ten wrong ones a minute, and says when to come again', async () => {
    minutes++;
    for (let n = 0; n < 10; n++) expect((await login(`wrong-${n}`)).status).to.equal(401);
    const refused = await login('wrong-again');
    expect(refused.status).to.equal(429);
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 60);
    expect(await refused.text())
      .to.contain('Too many wrong tokens')
      .and.contain('name="token"');
    // One that was right here today passes.
    expect((await login(centre.tokens.admin)).status).to.equal(303);
    minutes++;
    expect((await login('wrong')).status).to.equal(401);
  });

  it('speaks the language the browser asks for, English else', async () => {
    for (const [language, title] of [
      ['fr-CM,fr;q=0.9', 'Connexion à la flotte'],
      ['sw', 'Log in to the fleet'],
    ] as const) {
      const response = await centre.anonymous('/dashboard', { headers: { 'Accept-Language': language } });
      expect(await response.text()).to.contain(title);
    }
  });
});
