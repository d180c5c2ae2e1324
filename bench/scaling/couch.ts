/** What the measurements of docs/scaling.md ask of a CouchDB, and how they tell what they found. */
import { readdir } from 'node:fs/promises';
import { print } from '../../shared/cli.js';
import { type CouchDb, couchdbFetch } from '../../test/support/couchdb.js';
import { residentMemory } from '../support/process-figures.js';

/** Figures under their names, printed as one JSON object a line. */
export function tell(what: string, figures: object): void {
  print(JSON.stringify({ what, ...figures }));
}

export async function ask<T>(couchdb: CouchDb, path: string, init: RequestInit = {}): Promise<T> {
  const response = await couchdbFetch(couchdb, path, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`CouchDB answered ${response.status} to ${path}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as T;
}

/** Of CouchDB's process; what only its machine can tell needs COUCHDB_PID. */
export async function processFigures(couchdb: CouchDb): Promise<object> {
  const { memory, process_count: processes } = await ask<{ memory: Record<string, number>; process_count: number }>(
    couchdb,
    '/_node/_local/_system',
  );
  const kinds = ['other', 'atom', 'processes', 'binary', 'code', 'ets'];
  const erlangMiB = Math.round(kinds.reduce((sum, kind) => sum + (memory[kind] ?? 0), 0) / 1024 ** 2);
  const pid = process.env.COUCHDB_PID;
  if (pid === undefined) return { processes, erlangMiB };
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const resident = await residentMemory(Number(pid));
  return { processes, erlangMiB, residentMiB: Math.round(resident?.residentMiB ?? 0), files: files.length };
}

export async function inParallel(count: number, width: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

export function villageName(n: number): string {
  return `v${n}`;
}

export function seconds(sinceMs: number): number {
  return Number(((performance.now() - sinceMs) / 1000).toFixed(2));
}
