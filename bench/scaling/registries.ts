/** Many small databases in a CouchDB, as one for each village's registry would be. */
import { randomBytes } from 'node:crypto';
import { type CouchDb, deleteDatabase } from '../../test/support/couchdb.js';
import { median } from '../support/statistics.js';
import { ask, inParallel, processFigures, seconds, tell } from './couch.js';

/** As the centre would make them: one shard each, a few documents of the village. */
export async function measureRegistries(couchdb: CouchDb, databases: number): Promise<void> {
  const prefix = `scaling${randomBytes(4).toString('hex')}-registry-`;
  const name = (n: number) => `/${prefix}${n}`;
  const atStart = await processFigures(couchdb);
  try {
    const startMs = performance.now();
    await inParallel(databases, 4, async (n) => {
      await ask(couchdb, `${name(n)}?q=1`, { method: 'PUT' });
      const docs = Array.from({ length: 5 }, (_, i) => registryDocument(n, i));
      await ask(couchdb, `${name(n)}/_bulk_docs`, { method: 'POST', body: JSON.stringify({ docs }) });
    });
    const createSeconds = seconds(startMs);
    const fileBytes: number[] = [];
    const since: string[] = [];
    await inParallel(databases, 4, async (n) => {
      const info = await ask<{ sizes: { file: number }; update_seq: string }>(couchdb, name(n));
      fileBytes.push(info.sizes.file);
      since[n] = info.update_seq;
    });
    const pull = (n: number) => ask(couchdb, `${name(n)}/_changes?since=${encodeURIComponent(since[n] ?? '0')}`);
    const sweepMs = performance.now();
    await inParallel(databases, 8, pull);
    const sweepSeconds = seconds(sweepMs);
    const fewMs = performance.now();
    await inParallel(databases, 8, (n) => pull(n % Math.min(100, databases)));
    tell(`${databases} registry databases, q=1, 5 documents each`, {
      ...{ createSeconds, fileBytesEach: Math.round(median(fileBytes)) },
      ...{ idlePullsPerS: Math.round(databases / sweepSeconds) },
      idlePullsOfAHundredPerS: Math.round(databases / seconds(fewMs)),
      before: atStart,
      after: await processFigures(couchdb),
    });
  } finally {
    const deletedMs = performance.now();
    await inParallel(databases, 8, (n) => deleteDatabase(couchdb, name(n).slice(1)));
    tell('  deleted', { seconds: seconds(deletedMs), after: await processFigures(couchdb) });
  }
}

function registryDocument(village: number, n: number): object {
  const device = { type: 'device', model: 'SM-200', serial: `${village}-${n}`, role: 'customer' };
  return { _id: `device:meter-${n}`, ...device, installedAt: '2026-01-05T00:00:00.000Z', author: 'admin' };
}
