/**
 * Joins the leaves of a document into one: which state they have together, and which revisions bring the tree there.
 *
 * Revisions are derived from what they say and from where they stand, so that everybody who joins the same leaves writes
 * the same revisions. A leaf is ended by a deletion below it only beside a leaf that has seen all it says: whoever gets
 * the one without the other for a while misses something for that while, and nothing in the end.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import { bodyOf, schemaVersionOf, stateOf, textOf } from './document-body.js';
import { type DocumentState, joinStates } from './edit-history.js';
import type { Leaf, NewLeaf } from './leaf-store.js';

/** The body of a deletion that only ends a branch. */
const ENDED = { ended: true } as const;

/** A leaf with what it says. */
export interface LeafState {
  leaf: Leaf;
  state: DocumentState;
}

export interface JoinedLeaves {
  state: DocumentState;
  /** What the document's own version of the schema is. */
  schemaVersion: number;
  /** The leaves that say something. */
  sources: LeafState[];
  /** The leaf that says all of it; absent where one is to be written first. */
  kept: Leaf | undefined;
  /** What is to be written. */
  additions: NewLeaf[];
}

/** `undefined` where no leaf says anything: there is no such document, or only the ends of branches have arrived. */
export function joinLeaves(id: string, leaves: readonly Leaf[]): JoinedLeaves | undefined {
  const sources = saying(leaves).map((leaf) => ({ leaf, state: stateOf(leaf) }));
  if (sources.length === 0) return undefined;
  const state = joinStates(sources.map((source) => source.state));
  const schemaVersion = Math.max(...sources.map(({ leaf }) => schemaVersionOf(leaf.body)));
  const kept = winnerOf(completeOf(sources, state));
  const parent = kept ?? winnerOf(sources.map(({ leaf }) => leaf));
  const ends = sources.filter(({ leaf }) => leaf !== parent).map(({ leaf }) => childOf(id, leaf, true, ENDED));
  const joined = kept || !parent ? [] : [asChild(id, parent, state, schemaVersion)];
  return { state, schemaVersion, sources, kept, additions: [...joined, ...ends] };
}

/** The leaves that say all of it; the only one does. */
function completeOf(sources: readonly LeafState[], state: DocumentState): Leaf[] {
  const text = sources.length === 1 ? undefined : textOf(state);
  return sources.filter((one) => text === undefined || textOf(one.state) === text).map(({ leaf }) => leaf);
}

/** The revision that says this, below a leaf. */
function asChild(id: string, parent: Leaf | undefined, state: DocumentState, schemaVersion: number): NewLeaf {
  const { deleted, body } = bodyOf(id, state, schemaVersion);
  return childOf(id, parent, deleted, body);
}

/** A revision below a leaf, or the first one. */
export function childOf(
  id: string,
  parent: Leaf | undefined,
  deleted: boolean,
  body: Readonly<Record<string, unknown>>,
): NewLeaf {
  const digest = hash('sha256', canonicalJson([parent?.rev ?? '', deleted, body]), 'hex').slice(0, 32);
  const generation = (parent ? generationOf(parent.rev) : 0) + 1;
  return { id, generation, path: [digest, ...(parent?.path ?? [])], deleted, body };
}

/** A revision as the leaf it is once it is stored. */
export function asLeaf({ generation, path, deleted, body }: NewLeaf): Leaf {
  return { rev: `${generation}-${path[0]}`, path, deleted, body };
}

/** The leaf CouchDB would show: not deleted before deleted, then the longest branch, then the highest name. */
export function winnerOf(leaves: readonly Leaf[]): Leaf | undefined {
  const [first, ...rest] = leaves;
  if (!first) return undefined;
  return rest.reduce((best, leaf) => (isBefore(leaf, best) ? leaf : best), first);
}

/**
 * Ends of branches say nothing. A bare deletion is one by a tool that keeps no history: beside a leaf that goes on from
 * the version it deleted it stands against that leaf, beside others it is how such tools end a branch.
 */
function saying(leaves: readonly Leaf[]): Leaf[] {
  const open = leaves.filter(({ deleted, body }) => !(deleted && body.ended === true));
  const bare = open.filter(isBare);
  const others = open.filter((leaf) => !isBare(leaf));
  const known = new Set(others.flatMap(({ path }) => path));
  const against = bare.filter(({ path: [, parent] }) => parent !== undefined && known.has(parent));
  if (others.length > 0) return [...others, ...against];
  const only = winnerOf(bare);
  return only ? [only] : [];
}

function isBare({ deleted, body }: Leaf): boolean {
  return deleted && Object.keys(body).length === 0;
}

function isBefore(one: Leaf, other: Leaf): boolean {
  if (one.deleted !== other.deleted) return other.deleted;
  const [generation, otherGeneration] = [generationOf(one.rev), generationOf(other.rev)];
  return generation === otherGeneration ? one.rev > other.rev : generation > otherGeneration;
}

function generationOf(rev: string): number {
  return Number.parseInt(rev, 10);
}
