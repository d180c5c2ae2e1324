/**
 * What an embedded store holds under some ids, from PouchDB's records of the documents: one look-up for each id, and one
 * more for the number of those that are sent again.
 */
import { type Database, UnreadableEntry } from '../../shared/pouchdb.js';
import type { HeldNumber, IncomingDocument } from './contract.js';
import { bodyName, onlyBodyIn } from './number-stretches.js';
import { readValues } from './raw-entries.js';
import { storedBody } from './stored-body.js';
import type { HeldDocument } from './write-plan.js';

/** A node of PouchDB's revision tree: its hash, its state, its children. */
type RevisionNode = [hash: string, state: { status: string; deleted?: boolean }, children: RevisionNode[]];

interface DocumentRecord {
  rev_tree: { pos: number; ids: RevisionNode }[];
  rev_map: Record<string, number>;
}

/** A newest revision of a document. */
interface Leaf {
  rev: string;
  deleted: boolean;
  /** Where its body is. */
  sequence: number;
}

/** One whose number has to be looked up: it is held with the same content. */
interface SentAgain {
  id: string;
  rev: string;
  sequence: number;
}

/** Entries for those of the ids that are known. Throws UnreadableEntry for a record or a body that is damaged. */
export async function heldDocuments(
  database: Database,
  documents: readonly IncomingDocument[],
): Promise<Map<string, HeldDocument>> {
  const held = new Map<string, HeldDocument>();
  const sentAgain: SentAgain[] = [];
  const ids = documents.map(({ id }) => id);
  const records = await readValues(database, 'document-store', ids);
  for (const [n, { id, rev }] of documents.entries()) {
    const record = records[n];
    if (record === undefined || held.has(id)) continue;
    const alive = leavesIn(record, id).filter((leaf) => !leaf.deleted);
    const same = alive.find((leaf) => leaf.rev === rev);
    if (same) sentAgain.push({ id, rev, sequence: same.sequence });
    held.set(id, { node: '', seq: 0, rev: (same ?? alive[0])?.rev ?? '', deleted: alive.length === 0 });
  }
  for (const [id, number] of await numbersOf(database, sentAgain)) {
    const found = held.get(id);
    if (found) held.set(id, { ...found, ...number });
  }
  return held;
}

async function numbersOf(database: Database, sentAgain: readonly SentAgain[]): Promise<Map<string, HeldNumber>> {
  const names = sentAgain.map(({ sequence }) => bodyName(sequence));
  const texts = await readValues(database, 'by-sequence', names);
  return new Map(sentAgain.map(({ id, rev }, n) => [id, numberIn(texts[n], id, rev)]));
}

function numberIn(text: string | undefined, id: string, rev: string): HeldNumber {
  const body = text === undefined ? undefined : (storedBody(text) ?? unnumbered(text));
  if (body?.id !== id || body.rev !== rev) throw damaged(id);
  return { node: body.node, seq: body.seq };
}

/** A document that an operator has put there without a number. */
function unnumbered(text: string): (HeldNumber & { id: unknown; rev: unknown }) | undefined {
  try {
    const { _id: id, _rev: rev } = JSON.parse(text) as Record<string, unknown>;
    return { id, rev, node: '', seq: 0 };
  } catch {
    return undefined;
  }
}

/** The newest revisions of a document. */
function leavesIn(record: string, id: string): Leaf[] {
  const only = onlyBodyIn(record);
  if (only) return [{ ...only, deleted: false }];
  try {
    const { rev_tree: trees, rev_map: places } = JSON.parse(record) as DocumentRecord;
    return trees.flatMap(({ pos, ids }) => leavesBelow(pos, ids, places));
  } catch {
    throw damaged(id);
  }
}

/** Without recursion: a revision history can be as deep as its sender likes. */
function leavesBelow(generation: number, root: RevisionNode, places: DocumentRecord['rev_map']): Leaf[] {
  const leaves: Leaf[] = [];
  const open: [number, RevisionNode][] = [[generation, root]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [pos, [hash, state, children]] = next;
    const rev = `${pos}-${hash}`;
    if (children.length === 0) leaves.push({ rev, deleted: state.deleted === true, sequence: Number(places[rev]) });
    for (const child of children) open.push([pos + 1, child]);
  }
  return leaves;
}

function damaged(id: string): UnreadableEntry {
  return new UnreadableEntry(new Error(`the document ${id} cannot be read`));
}
