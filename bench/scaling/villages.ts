/** A gateway with many villages: requests with a single reading each, and what the questions about all villages take. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SimulatedCentre } from '../../sim/centre.js';
import { freePort } from '../../sim/ports.js';
import type { CouchDb } from '../../test/support/couchdb.js';
import { residentMemory } from '../support/process-figures.js';
import { fleetReadings } from '../support/readings.js';
import { FLEET, METERS, makeBody } from './batches.js';
import { inParallel, seconds, tell, villageName } from './couch.js';

/** What asks of every village takes at the gateway. */
export async function timeVillages(couchdb: CouchDb, prefix: string, villages: number): Promise<void> {
  const dataPath = await mkdtemp(path.join(os.tmpdir(), 'solar-sync-scaling-'));
  const centre = new SimulatedCentre({
    ...{ port: await freePort(), dataPath },
    env: {
      ...{ COUCHDB_URL: couchdb.url, COUCHDB_USER: couchdb.user, COUCHDB_PASSWORD: couchdb.password },
      ...{ COUCHDB_PREFIX: prefix, LOG_LEVEL: 'error' },
    },
  });
  try {
    await centre.start();
    const addedMs = performance.now();
    const passwords: string[] = [];
    await inParallel(villages, 8, async (n) => {
      passwords[n] = await centre.addVillage(villageName(n));
    });
    const addSeconds = seconds(addedMs);
    const singlesPerS = await sendSingles(centre.url, passwords);
    const secondsOf = async (question: string) => {
      const startMs = performance.now();
      await centre.analyst.json(question);
      return seconds(startMs);
    };
    const villagesSeconds = await secondsOf('/v1/villages');
    // The first one finds the index behind what was just written.
    const firstAlertsSeconds = await secondsOf('/v1/alerts');
    const alertsSeconds = await secondsOf('/v1/alerts');
    const { pid } = centre.process;
    const memory = pid === undefined ? undefined : await residentMemory(pid);
    tell(`  ${villages} villages at the gateway`, {
      ...{ addSeconds, singlesPerS, villagesSeconds, firstAlertsSeconds, alertsSeconds },
      gatewayMiB: Math.round(memory?.residentMiB ?? 0),
    });
    await centre.stop();
  } finally {
    await centre.process.kill('SIGKILL');
    await rm(dataPath, { recursive: true, force: true });
  }
}

/** Requests a second with one new reading each, of villages in turn: a live node whose meters report one by one. */
async function sendSingles(url: string, passwords: readonly string[]): Promise<number> {
  const bodies = passwords.map((_, n) => makeBody(villageName(n), [...fleetReadings(FLEET, METERS, 1)], METERS));
  const startMs = performance.now();
  await inParallel(bodies.length, 16, async (n) => {
    const response = await fetch(`${url}/telemetry/_bulk_docs`, {
      method: 'POST',
      headers: {
        ...{ 'Content-Type': 'application/json', Prefer: 'return=representation' },
        Authorization: `Basic ${Buffer.from(`${villageName(n)}:${passwords[n]}`).toString('base64')}`,
      },
      body: bodies[n] ?? '',
    });
    const text = await response.text();
    if (response.status !== 201 || !text.includes('"ok":true')) throw new Error(`answered ${response.status}: ${text}`);
  });
  return Math.round(bodies.length / seconds(startMs));
}
