/** Every route × method × role of the centre, generated from its router and held against `access-matrix-table.ts`. */
import http from 'node:http';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import {
  type Grant,
  HELD,
  MIDDLEWARE,
  REGISTERED,
  ROLES,
  type RoleName,
  type Row,
  SECRET,
  TABLE,
  VILLAGE,
} from './access-matrix-table.js';
import { basic, Centre, json, type VillageLogin } from './support/centre.js';
import { reading } from './support/documents.js';
import { type FoundRoutes, routesOf } from './support/routes-of.js';
import { SKIPPED_COUCHDB, STORES } from './support/stores.js';

/** Those a client would use, and those of WebDAV that a careless handler might take. */
const METHODS = 'GET HEAD POST PUT PATCH DELETE OPTIONS COPY MOVE SEARCH PROPFIND REPORT PURGE'.split(' ');
/** What these change is seen after the next one. */
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const DENIED = [401, 403, 404];
/** For a method that nobody is granted, to those who may know that the route is there. */
const NO_SUCH_METHOD = [...DENIED, 405];

const TOO_MANY = 429;

interface Answer {
  status: number;
  text: string;
}

for (const kind of STORES) {
  describe(`what is not granted, on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let found: FoundRoutes;
    let logins: Record<'village' | 'other' | 'disabled', VillageLogin>;
    /** Of the dashboard. */
    let cookies: Record<'analyst' | 'admin', string>;

    before(async () => {
      centre = await Centre.start(kind);
      logins = {
        village: await centre.addVillage(VILLAGE),
        other: await centre.addVillage('kaduna'),
        disabled: await centre.addVillage('zaria'),
      };
      await centre.push(logins.village, HELD);
      await centre.push(logins.other, [reading('kaduna', 700)]);
      const kept = json({ note: SECRET }, {}, 'PUT');
      expect((await centre.as(logins.village, '/telemetry/_local/kept', kept)).status).to.equal(201);
      const registered = json({ docs: [REGISTERED], new_edits: false });
      expect((await centre.as(logins.village, '/registry-kano/_bulk_docs', registered)).status).to.equal(201);
      expect((await centre.as(logins.village, '/registry-kano/_local/kept', kept)).status).to.equal(201);
      await centre.admin('/v1/villages/zaria/disable', { method: 'POST' });
      cookies = { analyst: await cookieOf(centre, 'analyst'), admin: await cookieOf(centre, 'admin') };
      found = await routesOf(centre.url);
    });
    after(async () => {
      agent.destroy();
      await centre.stop();
    });

    /** Several for a wrong one: every kind of it must be refused alike. */
    const credentials = (role: RoleName): Credential[] => {
      if (role === 'nobody') return [{}];
      if (role === 'analyst' || role === 'admin') {
        return [{ Authorization: `Bearer ${centre.tokens[role]}` }, { Cookie: cookies[role], Origin: centre.url }];
      }
      if (role !== 'wrong') return [{ Authorization: basic(logins[role].id, logins[role].password) }];
      return [
        ...[basic(VILLAGE, 'wrong'), basic('admin', centre.tokens.analyst), 'Bearer wrong'].map((Authorization) => ({
          Authorization,
        })),
        // The login of an analyst under the name of the admin, and that of an admin in a page of another site.
        { Cookie: cookies.analyst.replace('.analyst.', '.admin.'), Origin: centre.url },
        { Cookie: cookies.admin, Origin: 'https://elsewhere.example' },
      ];
    };

    const ask = async (role: RoleName, method: string, path: string, row: Row): Promise<Answer[]> => {
      const grant = row.methods[method];
      const target = urlOf(path, row, grant);
      // Where the method has no body of its own, one that would be stored if it were taken for another.
      const body = method === 'GET' || method === 'HEAD' ? undefined : JSON.stringify(grant?.body ?? bodyOf(row));
      const answers: Answer[] = [];
      for (const credential of credentials(role))
        answers.push(await send(centre.url, { method, target, credential, body }));
      return answers;
    };

    /** Everything stored, but for the times of contacts. */
    const stored = async () => {
      const { items } = (await (await centre.admin('/v1/villages')).json()) as { items: Record<string, unknown>[] };
      const lists = items.flatMap(({ id }) => [`${id}/readings`, `${id}/predictions`]);
      const texts = await Promise.all(
        lists.map(async (list) => (await centre.admin(`/v1/villages/${list}?format=ndjson`)).text()),
      );
      const ofVillages = (['village', 'other'] as const).map(async (who) => {
        const info = (await (await centre.as(logins[who], '/telemetry')).json()) as Record<string, unknown>;
        const registry = `/registry-${logins[who].id}`;
        const changes = (await (await centre.as(logins[who], `${registry}/_changes`)).json()) as { results: unknown };
        const kept = ['/telemetry', registry].map(async (db) =>
          (await centre.as(logins[who], `${db}/_local/kept`)).json(),
        );
        return [...(await Promise.all(kept)), info.doc_count, changes.results];
      });
      const checkpoints = await Promise.all(ofVillages);
      return { villages: items.map(({ id, name, disabled }) => ({ id, name, disabled })), texts, checkpoints };
    };

    it('finds every route and every method of the router in the table, and nothing else', () => {
      const methods = new Map<string, Set<string>>();
      for (const route of found.routes) {
        const own = route.methods
          .map((method) => method.toUpperCase())
          .filter((method) => !['HEAD', '*', '_ALL'].includes(method));
        methods.set(route.path, new Set([...(methods.get(route.path) ?? []), ...own]));
      }
      const inRouter = [...methods].map(([path, own]) => `${path} ${[...own].sort().join(' ')}`);
      const inTable = Object.entries(TABLE).map(
        ([path, row]) => `${path} ${Object.keys(row.methods).sort().join(' ')}`,
      );
      expect(inRouter.sort()).to.deep.equal(inTable.sort());
      expect(found.middleware.filter((path) => !MIDDLEWARE.has(path))).to.deep.equal([]);
    });

    for (const [path, row] of Object.entries(TABLE)) {
      it(`${path}: is refused with 401, 403 or 404 to whom it is not granted, and changes nothing`, async () => {
        const before = await stored();
        for (const method of METHODS) {
          for (const role of ROLES) {
            if (isGranted(row, method, role)) continue;
            const expected = isKnown(row, method) || !mayKnow(path, row, role) ? DENIED : NO_SUCH_METHOD;
            for (const { status, text } of await ask(role, method, path, row)) {
              const cell = `${method} ${path} as ${role}`;
              expect(text, cell).to.not.include(SECRET);
              if (status === TOO_MANY && isRefusedLogin(role)) continue;
              expect(expected, `${cell} answered ${status} ${text}`).to.include(status);
              if (role === 'nobody' || role === 'wrong') expect([401, 404, 405], cell).to.include(status);
            }
          }
          if (!READING.has(method)) expect(await stored(), `after ${method} ${path}`).to.deep.equal(before);
        }
      });
    }

    // Reads first: some of what is granted ends what the others need.
    const grants = Object.entries(TABLE).flatMap(([path, row]) =>
      Object.entries(row.methods).map(([method, grant]) => ({ path, row, method, grant })),
    );
    const endings = ['/v1/villages/:id/rotate', '/v1/villages/:id/disable'];
    grants.sort((a, b) => endings.indexOf(a.path) - endings.indexOf(b.path));
    for (const { path, row, method, grant } of grants) {
      it(`${method} ${path}: is granted to ${grant.to.join(', ')}`, async () => {
        for (const role of grant.to.filter((one) => one !== 'wrong')) {
          // Another village first: what the village itself does then would hide what it must not see.
          const isOther = role === 'other';
          const before = isOther ? await stored() : undefined;
          for (const { status, text } of await ask(role, method, path, row)) {
            expect(grant.answers ?? [200, 201], `as ${role}: ${text}`).to.include(status);
            if (!isOther) continue;
            expect(text).to.not.include(SECRET);
            if (grant.othersSee) expect(JSON.parse(text)).to.deep.equal(grant.othersSee);
            expect((await stored()).texts).to.deep.equal(before?.texts);
            const kept = await centre.as(logins.village, '/telemetry/_local/kept');
            expect(await kept.json()).to.deep.equal(before?.checkpoints[0]?.[0]);
          }
        }
      });
    }
  });
}

/** Those whose logins fail may be put off for it: a route that asks for no login would not. */
function isRefusedLogin(role: RoleName): boolean {
  return role === 'wrong' || role === 'disabled';
}

function isKnown(row: Row, method: string): boolean {
  return row.methods[method === 'HEAD' ? 'GET' : method] !== undefined;
}

function isGranted(row: Row, method: string, role: RoleName): boolean {
  return row.methods[method === 'HEAD' ? 'GET' : method]?.to.includes(role) ?? false;
}

/** Whether a role may learn that a route is there: it is granted something of it, or it works under `/v1`. */
function mayKnow(path: string, row: Row, role: RoleName): boolean {
  if (path.startsWith('/v1') && (role === 'analyst' || role === 'admin')) return true;
  return Object.values(row.methods).some(({ to }) => to.includes(role));
}

function bodyOf(row: Row): object {
  return Object.values(row.methods).find(({ body }) => body !== undefined)?.body ?? {};
}

function urlOf(path: string, { parameters = {} }: Row, grant: Grant | undefined): string {
  const filled = path.replace(/:([a-z]+)/gi, (_, name: string) => encodeURIComponent(parameters[name] ?? `no-${name}`));
  return grant?.query === undefined ? filled : `${filled}?${grant.query}`;
}

type Credential = Readonly<Record<string, string>>;

/** As a browser has it after a login. */
async function cookieOf(centre: Centre, role: 'analyst' | 'admin'): Promise<string> {
  const body = new URLSearchParams({ token: centre.tokens[role] });
  const response = await centre.anonymous('/dashboard/login', { method: 'POST', body, redirect: 'manual' });
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

interface Asked {
  method: string;
  target: string;
  credential: Credential;
  body: string | undefined;
}

const agent = new http.Agent({ keepAlive: true });

/** With any method, which fetch would not send. */
function send(url: string, { method, target, credential, body }: Asked): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const headers = {
    ...credential,
    ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: target, method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once('error', reject);
    request.end(body);
  });
}
