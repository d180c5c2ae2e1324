/**
 * Row: the hour in which all villages push at once. Simulated nodes send what they have, two batches in flight each, and
 * come back when they are told to; the gateway is a process of its own before the CouchDB that COUCHDB_URL names, or else
 * on its embedded store.
 *
 * A village has finished when the last of its batches was answered for, document by document.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { telemetryId } from '../shared/documents.js';
import { contentRevision } from '../shared/revision.js';
import { sleep } from '../shared/time.js';
import { SimulatedCentre } from '../sim/centre.js';
import { freePort } from '../sim/ports.js';
import { couchdbUrl, deleteDatabase } from '../test/support/couchdb.js';
import { atMost, type Figure, type Row, type RunContext } from './row.js';
import { residentMemory, sampleMemory } from './support/process-figures.js';
import { fleetReadings, storedDocument, VILLAGE_FLEET } from './support/readings.js';
import { median } from './support/statistics.js';

const VILLAGES = 200;
const BATCH_DOCUMENTS = 250;
const IN_FLIGHT = 2;
const SAMPLE_MS = 100;

const MEMORY: Figure = {
  ...{ key: 'gateway-herd-memory', unit: 'MiB', digits: 0, targets: [atMost(256)] },
  what: `gateway memory while ${VILLAGES} villages push at once, peak`,
};
const FAIRNESS: Figure = {
  ...{ key: 'gateway-herd-fairness', unit: '×', digits: 2, targets: [atMost(2)] },
  what: 'the same: slowest village ÷ median village, time to finish',
};

interface Herd {
  villages: number;
  batches: number;
}

interface SimulatedVillage {
  id: string;
  authorization: string;
  batches: Buffer[];
}

interface Push {
  status: number;
  retryAfterS: number;
  body: string;
}

export const gatewayHerd: Row = {
  name: 'gateway-herd',
  once: true,
  figures: [MEMORY, FAIRNESS],
  async measure(context) {
    // Every village that waits listens to it.
    setMaxListeners(0, context.signal);
    const herd = context.small ? { villages: 20, batches: 2 } : { villages: VILLAGES, batches: 4 };
    return withHerdCentre(context, async (centre) => {
      const villages = await makeVillages(centre, herd);
      const { pid } = centre.process;
      if (pid === undefined || !(await residentMemory(pid))) {
        context.say('gateway-herd: not measured, this system does not tell of the memory of a process');
        return [];
      }
      let peakMiB = 0;
      const stopSampling = sampleMemory(pid, SAMPLE_MS, ({ peakMiB: peak }) => {
        peakMiB = Math.max(peakMiB, peak);
      });
      const finishedS: number[] = [];
      let sentAway = 0;
      const startMs = performance.now();
      await Promise.all(
        villages.map(async (village) => {
          const timesSentAway = await pushAll(centre.url, village, context.signal);
          sentAway += timesSentAway;
          finishedS.push((performance.now() - startMs) / 1000);
        }),
      );
      await stopSampling();
      const middleS = median(finishedS);
      const slowestS = Math.max(...finishedS);
      const first = Math.min(...finishedS);
      context.say(
        `gateway-herd: finished after ${first.toFixed(1)} s, ${middleS.toFixed(1)} s and ${slowestS.toFixed(1)} s ` +
          `(first, median, last); ${sentAway} batches were told to come back`,
      );
      return [
        { figure: MEMORY, ours: peakMiB },
        { figure: FAIRNESS, ours: slowestS / middleS },
      ];
    });
  },
};

async function withHerdCentre<T>(context: RunContext, work: (centre: SimulatedCentre) => Promise<T>): Promise<T> {
  const couchdb = couchdbUrl();
  const prefix = `bench${randomBytes(4).toString('hex')}-`;
  const centre = new SimulatedCentre({
    port: await freePort(),
    dataPath: await mkdtemp(path.join(context.folder, 'herd-')),
    env: {
      LOG_LEVEL: 'error',
      ...(couchdb
        ? {
            ...{ COUCHDB_URL: couchdb.url, COUCHDB_USER: couchdb.user, COUCHDB_PASSWORD: couchdb.password },
            COUCHDB_PREFIX: prefix,
          }
        : {}),
    },
  });
  context.say(`gateway-herd: before ${couchdb ? 'CouchDB' : 'the embedded store, COUCHDB_URL names no CouchDB'}`);
  try {
    await centre.start();
    const result = await work(centre);
    await centre.stop();
    return result;
  } finally {
    await centre.process.kill('SIGKILL');
    if (couchdb) for (const name of ['telemetry', 'villages']) await deleteDatabase(couchdb, prefix + name);
  }
}

async function makeVillages(centre: SimulatedCentre, { villages, batches }: Herd): Promise<SimulatedVillage[]> {
  const made: SimulatedVillage[] = [];
  for (let n = 0; n < villages; n++) {
    const id = `v${n}`;
    const password = await centre.addVillage(id);
    made.push({
      id,
      authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
      batches: Array.from({ length: batches }, (_, index) => batchOf(id, index)),
    });
  }
  return made;
}

function batchOf(village: string, index: number): Buffer {
  const first = index * BATCH_DOCUMENTS;
  const docs = [...fleetReadings(VILLAGE_FLEET, first, BATCH_DOCUMENTS)].map((reading, i) => {
    const _id = telemetryId(village, 'reading', reading);
    return { ...storedDocument(reading, first + i + 1), village, _id, _rev: contentRevision(_id, reading) };
  });
  return gzipSync(JSON.stringify({ docs, new_edits: false }));
}

/** Sends all batches of a village; returns how often one was told to come back. */
async function pushAll(url: string, village: SimulatedVillage, signal: AbortSignal): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const batches = village.batches.values();
  let sentAway = 0;
  const sender = async () => {
    for (const batch of batches) {
      for (;;) {
        const answer = await push(agent, url, village, batch);
        if (answer.status === 201) {
          assertTaken(answer.body);
          break;
        }
        if (answer.status !== 503 && answer.status !== 429)
          throw new Error(`answered ${answer.status}: ${answer.body}`);
        sentAway++;
        await sleep(answer.retryAfterS * 1000, signal);
        signal.throwIfAborted();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, sender));
    return sentAway;
  } finally {
    agent.destroy();
  }
}

function assertTaken(body: string): void {
  const entries = JSON.parse(body) as { ok?: boolean }[];
  const taken = entries.filter(({ ok }) => ok === true).length;
  if (taken !== BATCH_DOCUMENTS) throw new Error(`${taken} of ${BATCH_DOCUMENTS} documents were taken`);
}

function push(
  agent: http.Agent,
  url: string,
  { authorization }: Pick<SimulatedVillage, 'authorization'>,
  batch: Buffer,
): Promise<Push> {
  const headers = {
    ...{ Authorization: authorization, Prefer: 'return=representation', 'Content-Encoding': 'gzip' },
    ...{ 'Content-Type': 'application/json', 'Content-Length': batch.length },
  };
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/telemetry/_bulk_docs`, { agent, method: 'POST', headers });
    request.once('error', (error) => {
      // A kept connection that the gateway closed just now: nodes try once more as well.
      if (request.reusedSocket) push(agent, url, { authorization }, batch).then(resolve, reject);
      else reject(error);
    });
    request.once('response', async (response) => {
      try {
        let body = '';
        for await (const chunk of response.setEncoding('utf8')) body += chunk;
        const retryAfterS = Number(response.headers['retry-after'] ?? 1);
        resolve({ status: response.statusCode ?? 0, retryAfterS, body });
      } catch (error) {
        reject(error);
      }
    });
    request.end(batch);
  });
}
