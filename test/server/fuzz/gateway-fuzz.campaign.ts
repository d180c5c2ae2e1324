/**
 * A campaign of bad requests against a running centre: FUZZ_BODIES of them (2,000 unless set). Whatever is sent, the centre
 * goes on, answers in the documented form, keeps what it took and nothing else, and serves the others.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe } from 'mocha';
import { CouchClient } from '../../../server/store/couch-client.js';
import { messageOf } from '../../../shared/app-error.js';
import { openDatabase } from '../../../shared/pouchdb.js';
import { SeededRandom, seedFor } from '../../../sim/random.js';
import { itWithSeed } from '../../support/seeds.js';
import { basic, json } from '../support/centre.js';
import { CentreProcess } from '../support/process.js';
import { createPlace, type Place, SKIPPED_COUCHDB, STORES } from '../support/stores.js';
import { type Answer, FuzzClient, fault } from './fuzz-client.js';
import { Bombs } from './fuzzed-bodies.js';
import { type Asker, type FuzzedRequest, fuzzedRequest } from './fuzzed-requests.js';
import { abuse, SlowRequest, speak } from './raw-abuse.js';
import { StoreModel } from './store-model.js';
import { Witness } from './witness.js';

const BODIES = Number(process.env.FUZZ_BODIES ?? 2000);
/** CouchDB takes its time for each request: what is the gateway's own was seen before the embedded store. */
const MAX_COUCHDB_BODIES = 2000;
const CONNECTIONS = 24;
const VILLAGES = ['kano', 'kaduna', 'zaria', 'jos'];
const TOKENS = { admin: 'admin-token-of-the-campaign', analyst: 'analyst-token-of-the-campaign' };
const MARK = 'seen-by-the-witness-alone';
/** Of the whole process, with the largest bodies that are taken parsed on several connections at once. */
const MAX_RESIDENT_MIB = 1024;
const MAX_WITNESS_MS = 10_000;
/** A body larger than this may be cut off while it is still being sent. */
const MAY_BE_CUT_BYTES = 32 * 1024;
const PLAIN = { Prefer: 'return=representation' };

for (const kind of STORES) {
  const bodies = kind === 'embedded' ? BODIES : Math.min(BODIES, MAX_COUCHDB_BODIES);
  describe(`the centre on the store ${kind} under ${bodies} bad requests${SKIPPED_COUCHDB}`, function () {
    this.timeout(120_000 + 10 * bodies);
    let place: Place;
    let centre: CentreProcess;
    let passwords: Map<string, string>;
    let url: string;

    beforeEach(async () => {
      place = await createPlace(kind);
      const env = {
        CENTRAL_PORT: '0',
        DATA_PATH: place.folder,
        ADMIN_TOKEN: TOKENS.admin,
        ANALYST_TOKEN: TOKENS.analyst,
      };
      // Whoever is put off for asking too much does not get to show what it had in mind.
      const limits = { VILLAGE_MAX_REQUESTS: '1000', VILLAGE_REQUESTS_PER_MINUTE: '1000000' };
      centre = new CentreProcess(['start'], { ...env, ...limits, ...couchSettings(place) });
      url = await centre.url();
      passwords = new Map();
      for (const id of [...VILLAGES, 'witness', 'spare']) {
        const added = await fetch(`${url}/v1/villages`, json({ id }, { Authorization: `Bearer ${TOKENS.admin}` }));
        passwords.set(id, ((await added.json()) as { password: string }).password);
      }
    });
    afterEach(async () => {
      await centre.kill('SIGKILL');
      await place.remove();
    });

    const authorization = (as: Asker, village: string): string | undefined => {
      if (as === 'nobody') return undefined;
      if (as === 'wrong') return basic(village, 'wrong');
      return as === 'village' ? basic(village, passwords.get(village) ?? '') : `Bearer ${TOKENS[as]}`;
    };

    const asAdmin = async (target: string): Promise<unknown> => {
      const response = await fetch(url + target, { headers: { Authorization: `Bearer ${TOKENS.admin}` } });
      expect(response.status, target).to.equal(200);
      return response.json();
    };

    const documentsOf = async (village: string): Promise<Record<string, unknown>[]> => {
      const listed = await asAdmin(`/telemetry/_partition/${village}/_all_docs?include_docs=true`);
      return (listed as { rows: { doc: Record<string, unknown> }[] }).rows.map(({ doc }) => doc);
    };

    itWithSeed('goes on, answers in the documented form, and holds what it took and no more', async (_, seed) => {
      const client = new FuzzClient(url, authorization, CONNECTIONS);
      const model = new StoreModel();
      const bombs = new Bombs();
      const statuses = new Map<number, number>();
      const secrets = [MARK, ...passwords.values(), TOKENS.admin, TOKENS.analyst];
      const witness = new Witness((docs) => push(url, basic('witness', passwords.get('witness') ?? ''), docs), MARK);
      const credential = authorization('village', 'kano') ?? '';
      const slow = slowRequests(url, credential);
      let next = 0;

      const attempt = async (index: number) => {
        const random = new SeededRandom(seedFor(seed, `request ${index}`));
        if (random.chance(0.004)) return abuseOnce(url, random, credential, index);
        const village = VILLAGES[index % VILLAGES.length] ?? 'kano';
        const request = fuzzedRequest(random, village, index, bombs);
        const answer = await client.send(request).catch((error) => {
          if ((request.body?.length ?? 0) > MAY_BE_CUT_BYTES) return undefined;
          throw new Error(`${shown(request, index)} was not answered: ${messageOf(error)}`);
        });
        if (!answer) return;
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const wrong = fault(request, answer, secretsFor(request, answer, secrets)) ?? model.note(request, answer);
        if (wrong !== undefined) {
          throw new Error(
            `the answer to ${shown(request, index)} ${wrong}: ${answer.status} ${answer.text.slice(0, 500)}`,
          );
        }
      };
      const work = async () => {
        for (let index = next++; index < bodies; index = next++) await attempt(index);
      };

      const served = witness.start(50);
      served.catch(() => undefined);
      try {
        const workers = Array.from({ length: CONNECTIONS }, work);
        const ended = centre.ended.then(({ stderr }) => {
          throw new Error(`the centre has ended: ${stderr.slice(-2000)}`);
        });
        // It does end, after the campaign.
        ended.catch(() => undefined);
        await Promise.race([Promise.all(workers), ended, served]);
        await witness.end();
      } finally {
        next = bodies;
        for (const one of slow) one.end();
        client.close();
        await witness.end().catch(() => undefined);
      }

      for (const one of slow) expect(one.heard).to.not.match(/^HTTP\/1\.1 (2|5)/);
      expect(witness.slowestMs).to.be.below(MAX_WITNESS_MS);
      expect(await documentsOf('witness')).to.have.deep.members(witness.sent);
      const asked = [...statuses.values()].reduce((sum, count) => sum + count, 0);
      const shares = JSON.stringify(Object.fromEntries(statuses));
      expect((statuses.get(429) ?? 0) + (statuses.get(503) ?? 0), `put off too often: ${shares}`).to.be.below(
        asked / 10,
      );
      expect(statuses.get(201) ?? 0, `hardly anything was taken: ${shares}`).to.be.above(asked / 20);
      let count = witness.sent.length;
      for (const village of VILLAGES) {
        const documents = await documentsOf(village);
        expect(model.compare(village, documents), village).to.equal(undefined);
        count += documents.length;
      }
      const { items } = (await asAdmin('/v1/villages')) as { items: { id: string }[] };
      expect(items.map(({ id }) => id)).to.have.members([
        ...new Set([...VILLAGES, 'witness', 'spare', ...model.villages]),
      ]);
      for (const { village, path: target, fields } of model.locals.values()) {
        const headers = { Authorization: basic(village, passwords.get(village) ?? '') };
        const response = await fetch(url + target, { headers });
        const { _id, _rev, ...kept } = (await response.json()) as Record<string, unknown>;
        expect(sortedText(kept), `${village} ${target}`).to.equal(sortedText(fields));
      }
      expect(await residentMiB(centre.pid)).to.be.below(MAX_RESIDENT_MIB);

      const { code, stderr } = await centre.kill('SIGTERM');
      expect(code).to.equal(0);
      expect(stderr).to.not.match(/failed unexpectedly|Unhandled|"level":"error"/);
      for (const secret of secrets) expect(stderr).to.not.include(secret);
      expect(await countIn(place)).to.equal(count);
    });
  });
}

function shown({ method, path: target, as, village, headers, plain }: FuzzedRequest, index: number): string {
  const asked = `${method} ${target.slice(0, 300)} as ${as} ${village}`;
  return `request ${index} (${asked} ${JSON.stringify(headers)} ${plain?.slice(0, 300) ?? ''})`;
}

/** Compared as text: a key such as `__proto__` is a field like any other. */
function sortedText(fields: object): string {
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A credential is shown once, in the answer that made it, and analysts may read every village. */
function secretsFor({ as }: FuzzedRequest, { status }: Answer, secrets: readonly string[]): readonly string[] {
  if (as === 'admin' && status === 201) return [];
  return as === 'admin' || as === 'analyst' ? secrets.filter((secret) => secret !== MARK) : secrets;
}

async function abuseOnce(url: string, random: SeededRandom, credential: string, index: number): Promise<void> {
  const heard = await speak(url, abuse(random, credential));
  // Nothing, a refusal of the protocol's, or an answer to what was a request after all.
  const isFine = heard === '' || (/^HTTP\/1\.1 (100|[24]\d\d) /.test(heard) && !/\n\s+at |node_modules/.test(heard));
  if (!isFine) throw new Error(`raw request ${index} was answered ${heard.slice(0, 500)}`);
}

function slowRequests(url: string, credential: string): SlowRequest[] {
  const head = `POST /telemetry/_bulk_docs HTTP/1.1\r\nHost: x\r\nAuthorization: ${credential}\r\n`;
  const body = `${head}Content-Length: 100000\r\n\r\n{"docs":[${' '.repeat(90_000)}`;
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(10_000)}`;
  const headers = `${head}${'X-A: b\r\n'.repeat(1000)}`;
  return [body, chunked, headers].flatMap((text) => [new SlowRequest(url, text, 20), new SlowRequest(url, text, 500)]);
}

async function push(url: string, credential: string, docs: unknown[]): Promise<Record<string, unknown>[]> {
  const init = json({ docs, new_edits: false }, { ...PLAIN, Authorization: credential });
  const response = await fetch(`${url}/telemetry/_bulk_docs`, init);
  if (response.status !== 201) throw new Error(`the witness was answered ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>[];
}

/** The most memory the process ever had; 0 where the system does not tell. */
async function residentMiB(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

function couchSettings({ couch }: Place): Record<string, string> {
  if (!couch) return {};
  const { url, user = '', password = '', prefix } = couch;
  return { COUCHDB_URL: url, COUCHDB_USER: user, COUCHDB_PASSWORD: password, COUCHDB_PREFIX: prefix };
}

/** Documents in the closed store's telemetry, whoever's they are. */
async function countIn({ couch, folder }: Place): Promise<number> {
  if (couch) {
    const request = { db: 'telemetry', path: '_all_docs' };
    const { body } = await new CouchClient(couch).request<{ rows: { id: string }[] }>(request);
    return body.rows.filter(({ id }) => !/^_design\/(receipts|days)-/.test(id)).length;
  }
  const database = await openDatabase(path.join(folder, 'telemetry'));
  try {
    return (await database.allDocs({})).rows.length;
  } finally {
    await database.close();
  }
}
