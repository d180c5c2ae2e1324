/** Waiting for a change of the registry: who is woken, when, and what it costs. */
import http from 'node:http';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { waitFor } from '../../support/wait-for.js';
import { basic, Centre, json, type VillageLogin } from '../support/centre.js';
import { SKIPPED_COUCHDB, STORES } from '../support/stores.js';

interface Waiting {
  status: number;
  text: string;
  tookMs: number;
}

/** Villages with four that wait each. */
const VILLAGES = 250;
const MAX_BYTES_EACH = 128 * 1024;
/** Nothing but the end of the centre ends a waiting before; to answer them all takes a busy machine some seconds. */
const LONG_MS = 60_000;

for (const kind of STORES) {
  describe(`waiting for a change of the registry, on the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let centre: Centre;
    let villages = 0;

    before(async () => {
      centre = await Centre.start(kind);
    });
    after(() => centre.stop());

    const newVillage = () => centre.addVillage(`village${++villages}`);

    it('is woken by a write soon, with what was written', async () => {
      const village = await newVillage();
      await write(centre, village, 'device:m1');
      const since = await positionOf(centre, village);
      const waiting = wait(centre, village, `&since=${since}`);
      await untilWaiting(centre, 1);
      const other = await newVillage();
      await write(centre, other, 'device:m2');
      await write(centre, village, 'device:m3');
      const { status, text, tookMs } = await waiting;
      expect(status).to.equal(200);
      const { results, last_seq } = JSON.parse(text) as { results: { id: string }[]; last_seq: unknown };
      expect(results.map(({ id }) => id)).to.deep.equal(['device:m3']);
      expect(String(last_seq)).to.not.equal(since);
      expect(tookMs).to.be.below(10_000);
      // What is there already is told at once.
      const again = await wait(centre, village, `&since=${since}`);
      expect(again.text).to.equal(text);
    });

    it('is answered with nothing after its time, and goes on from where it was', async () => {
      const village = await newVillage();
      await write(centre, village, 'device:m1');
      const since = decodeURIComponent(await positionOf(centre, village));
      const { status, text, tookMs } = await wait(centre, village, `&since=now&timeout=300`);
      expect(status).to.equal(200);
      const { results, last_seq } = JSON.parse(text) as { results: unknown[]; last_seq: unknown };
      expect(results).to.deep.equal([]);
      expect(String(last_seq).split('-')[0]).to.equal(since.split('-')[0]);
      expect(tookMs).to.be.at.least(290);
    });

    it('has four places for a village beside its requests; the oldest gives way to a fifth', async () => {
      const village = await newVillage();
      const since = await positionOf(centre, village);
      const first = wait(centre, village, `&since=${since}`);
      await untilWaiting(centre, 1);
      const others = Array.from({ length: 4 }, () => wait(centre, village, `&since=${since}`));
      const { text } = await first;
      expect(JSON.parse(text)).to.deep.include({ results: [] });
      await untilWaiting(centre, 4);
      const plain = await Promise.all(Array.from({ length: 8 }, () => centre.as(village, `/registry-${village.id}`)));
      expect(plain.map(({ status }) => status)).to.deep.equal(Array(8).fill(200));
      await write(centre, village, 'device:m1');
      for (const { text: told } of await Promise.all(others)) expect(told).to.include('device:m1');
      await untilWaiting(centre, 0);
    });

    it('is over at once when its client leaves, and counts as no failure', async () => {
      const village = await newVillage();
      const since = await positionOf(centre, village);
      const leaving = new AbortController();
      const path = `/registry-${village.id}/_changes?feed=longpoll&since=${since}`;
      const gone = centre.as(village, path, { signal: leaving.signal }).catch(() => 'gone');
      await untilWaiting(centre, 1);
      leaving.abort();
      expect(await gone).to.equal('gone');
      await untilWaiting(centre, 0);
      const shown = (await (await centre.admin(`/v1/villages/${village.id}`)).json()) as Record<string, unknown>;
      expect(shown.failures ?? 0).to.equal(0);
    });
  });
}

describe('a centre with a thousand that wait', function () {
  this.timeout(240_000);

  it('has little memory for each, wakes those it concerns, serves the others, and ends at once', async () => {
    const centre = await Centre.start('embedded', { config: { maxConnections: 10_000 }, graceMs: LONG_MS });
    let isStopped = false;
    try {
      const logins: VillageLogin[] = [];
      for (let n = 0; n < VILLAGES; n++) logins.push(await centre.addVillage(`v${n}`));
      const heapBefore = process.memoryUsage().heapUsed;
      const waiting = logins.map((login) =>
        Array.from({ length: 4 }, () => wait(centre, login, `&since=0&timeout=600000&heartbeat=${LONG_MS}`)),
      );
      await untilWaiting(centre, VILLAGES * 4);
      // Both ends of each connection are in this process.
      const bytesEach = (process.memoryUsage().heapUsed - heapBefore) / (VILLAGES * 4);
      expect(bytesEach, `${Math.round(bytesEach)} bytes each`).to.be.below(MAX_BYTES_EACH);
      const [first, second] = logins;
      if (!first || !second) throw new Error('there are no villages');
      expect((await centre.as(second, '/registry-v1')).status).to.equal(200);
      await write(centre, first, 'device:m1');
      for (const { text } of await Promise.all(waiting[0] ?? [])) expect(text).to.include('device:m1');
      await untilWaiting(centre, VILLAGES * 4 - 4);
      const startedMs = performance.now();
      isStopped = true;
      await centre.stop();
      const rest = await Promise.all(waiting.slice(1).flat());
      expect(new Set(rest.map(({ status }) => status))).to.deep.equal(new Set([200]));
      for (const { text } of rest) expect(JSON.parse(text)).to.deep.equal({ results: [], last_seq: 0 });
      expect(performance.now() - startedMs).to.be.below(LONG_MS / 2);
    } finally {
      if (!isStopped) await centre.stop();
    }
  });
});

async function write(centre: Centre, village: VillageLogin, id: string): Promise<void> {
  const docs = [{ _id: id, _rev: '1-aa' }];
  const response = await centre.as(village, `/registry-${village.id}/_bulk_docs`, json({ docs, new_edits: false }));
  expect(response.status).to.equal(201);
  expect(await response.json()).to.deep.equal([]);
}

/** As it goes into a query. */
async function positionOf(centre: Centre, village: VillageLogin): Promise<string> {
  const info = (await (await centre.as(village, `/registry-${village.id}`)).json()) as { update_seq: unknown };
  return encodeURIComponent(String(info.update_seq));
}

async function untilWaiting(centre: Centre, count: number): Promise<void> {
  const expected = new RegExp(`^solar_central_registry_waits ${count}$`, 'm');
  await waitFor(async () => expected.test(await (await fetch(`${centre.url}/metrics`)).text()), {
    what: `${count} to wait`,
    timeoutMs: 60_000,
  });
}

/** Without fetch, whose pool has a limit of its own. */
function wait(centre: Centre, { id, password }: VillageLogin, query: string): Promise<Waiting> {
  const startedMs = performance.now();
  const url = `${centre.url}/registry-${id}/_changes?feed=longpoll${query}`;
  return new Promise((resolve, reject) => {
    const headers = { Authorization: basic(id, password) };
    const request = http.get(url, { headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text, tookMs: performance.now() - startedMs }),
      );
    });
    request.once('error', reject);
  });
}
