/** What the store of a stopped node holds, read with stock PouchDB and nothing of the program's own. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import PouchDB from 'pouchdb-node';
import type { NumberRange } from '../../edge/ledger/number-ranges.js';
import type { TelemetryDocument } from '../../shared/documents.js';

export interface StoredTelemetry {
  /** Every document of every segment, events included, segment by segment in the order stored. */
  documents: TelemetryDocument[];
  /** Numbers the segments count as lost, by node name. */
  lost: Map<string, NumberRange[]>;
  /** Numbers told as lost in `numbers` events, by the node name they are about. */
  told: Map<string, NumberRange[]>;
}

interface SegmentRecord {
  node: string;
}

interface DeliveryRecord {
  lost?: NumberRange[];
}

/** Reads the store in a data folder that no process has open. */
export async function readStoredTelemetry(folder: string): Promise<StoredTelemetry> {
  const root = path.join(folder, 'segments');
  const stored: StoredTelemetry = { documents: [], lost: new Map(), told: new Map() };
  const names = (await readdir(root)).filter((name) => /^\d+$/.test(name)).sort();
  for (const name of names) {
    const database = new PouchDB(path.join(root, name));
    try {
      const { rows } = await database.allDocs({ include_docs: true });
      const documents = rows.flatMap(({ doc }) => (doc ? [doc as TelemetryDocument] : []));
      stored.documents.push(...documents.sort((a, b) => a.seq - b.seq));
      const local = <T>(id: string) => database.get(`_local/${id}`).catch(() => undefined) as Promise<T | undefined>;
      const record = await local<SegmentRecord>('segment');
      const delivery = await local<DeliveryRecord>('delivery');
      if (record) addRanges(stored.lost, record.node, delivery?.lost);
      for (const { event, of, lost } of documents) if (event === 'numbers') addRanges(stored.told, String(of), lost);
    } finally {
      await database.close();
    }
  }
  return stored;
}

function addRanges(all: Map<string, NumberRange[]>, node: string, ranges: unknown): void {
  if (Array.isArray(ranges)) all.set(node, [...(all.get(node) ?? []), ...(ranges as NumberRange[])]);
}

/** True where one of the ranges holds the number. */
export function isWithin(ranges: readonly NumberRange[] | undefined, seq: number): boolean {
  return ranges?.some(([from, to]) => from <= seq && seq <= to) ?? false;
}

/**
 * What is wrong with the numbers of a store: one given twice, or one that is neither stored nor lost. Empty when nothing
 * is.
 */
export function numberProblems({ documents, lost }: StoredTelemetry): string[] {
  const problems: string[] = [];
  const idsByNode = new Map<string, Map<number, string>>();
  for (const { _id, node, seq } of documents) {
    const ids = idsByNode.get(node) ?? new Map<number, string>();
    idsByNode.set(node, ids);
    const other = ids.get(seq);
    if (other !== undefined && other !== _id) problems.push(`${node} ${seq} is the number of ${other} and of ${_id}`);
    ids.set(seq, _id);
  }
  for (const [node, ids] of idsByNode) {
    const highest = [...ids.keys()].reduce((a, b) => Math.max(a, b), 0);
    for (let seq = 1; seq < highest; seq++) {
      if (!ids.has(seq) && !isWithin(lost.get(node), seq)) problems.push(`${node} ${seq} is neither stored nor lost`);
    }
  }
  return problems;
}
