/**
 * Documents with a history, all their leaves joined, read from and written to a leaf store. Nothing an edit said is
 * replaced before its trace is stored.
 */
import { AppError } from '../app-error.js';
import { bodyOf, SCHEMA_VERSION, schemaVersionOf, stateOf } from './document-body.js';
import { type DocumentState, EMPTY_STATE } from './edit-history.js';
import { contestedFields } from './field-values.js';
import { asLeaf, type JoinedLeaves, joinLeaves, winnerOf } from './leaf-join.js';
import type { Leaf, LeafStore, NewLeaf } from './leaf-store.js';
import { assertSendable } from './registry-documents.js';
import { traceOfEdit, traceOfMerge } from './traces.js';

/** A document as it stands. */
export interface Current {
  state: DocumentState;
  leaf: Leaf;
  schemaVersion: number;
}

export interface Found {
  /** Absent where there is no such document. A deleted one is there. */
  current: Current | undefined;
  /** As they were. */
  leaves: readonly Leaf[];
  /** Leaves were joined, in the store. */
  wrote: boolean;
}

export class JoinedDocuments {
  readonly #leaves: LeafStore;

  constructor(leaves: LeafStore) {
    this.#leaves = leaves;
  }

  /** Joins the leaves there are, in the store as well. Two must not do so to the same document at once. */
  async find(name: string): Promise<Found> {
    const leaves = await this.#leaves.leaves(name);
    const joined = joinLeaves(name, leaves);
    if (!joined) return { current: undefined, leaves, wrote: false };
    const { state, schemaVersion, kept, additions } = joined;
    if (additions.length > 0) await this.#leaves.graft([...(await this.#tracesBefore(name, joined)), ...additions]);
    const [first] = additions;
    const leaf = kept ?? (first && asLeaf(first));
    if (!leaf) throw new Error('leaves were joined into nothing');
    return { current: { state, leaf, schemaVersion }, leaves, wrote: additions.length > 0 };
  }

  /** Those whose ids begin with a prefix; `find` is called for one of which several leaves are there. */
  async all(prefix: string, find: (name: string) => Promise<Found>): Promise<{ name: string; current: Current }[]> {
    const all: { name: string; current: Current }[] = [];
    for (const { id, rev, body, isContested } of await this.#leaves.winners({ prefix })) {
      if (isContested) {
        const { current } = await find(id);
        if (current) all.push({ name: id, current });
        continue;
      }
      const leaf = { rev, path: [], deleted: false, body };
      all.push({ name: id, current: { leaf, state: stateOf(leaf), schemaVersion: schemaVersionOf(body) } });
    }
    return all;
  }

  /**
   * Stores what follows on what was found, and its trace; resolves with the version it is. Throws `precondition_failed`
   * where the document was changed meanwhile, and `too_large`.
   */
  async write(
    name: string,
    { current, leaves }: Found,
    next: DocumentState,
  ): Promise<Omit<Current, 'leaf'> & { rev: string }> {
    if (current) await this.writeMissingTraces(name, [current.state]);
    const schemaVersion = current?.schemaVersion ?? SCHEMA_VERSION;
    const stored = bodyOf(name, next, schemaVersion);
    // What makes it smaller again is not refused for what there is.
    if (contestedFields(next).length >= contestedFields(current?.state ?? EMPTY_STATE).length) {
      assertSendable(name, stored.body);
    }
    const rev = await this.#leaves.put(name, current?.leaf ?? winnerOf(leaves), stored).catch((error) => {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
      throw new AppError('precondition_failed', `${name} was changed meanwhile`, { cause: error });
    });
    // The edit is stored and says what its trace will: should this fail, whoever replaces the edit writes it first.
    await this.writeMissingTraces(name, [next]).catch(() => undefined);
    return { rev, schemaVersion, state: next };
  }

  async writeMissingTraces(name: string, states: readonly DocumentState[]): Promise<void> {
    const traces = await this.#missingTraces(name, states);
    if (traces.length > 0) await this.#leaves.graft(traces);
  }

  async #tracesBefore(name: string, joined: JoinedLeaves): Promise<NewLeaf[]> {
    const states = joined.sources.map(({ state }) => state);
    const edits = await this.#missingTraces(name, states);
    const shown = winnerOf(joined.sources.map(({ leaf }) => leaf));
    if (joined.kept || !shown) return edits;
    return [...edits, traceOfMerge(name, joined, stateOf(shown))];
  }

  async #missingTraces(name: string, states: readonly DocumentState[]): Promise<NewLeaf[]> {
    const traces = states.flatMap((state) => traceOfEdit(name, state) ?? []);
    const isMissing = await Promise.all(traces.map(async ({ id }) => (await this.#leaves.leaves(id)).length === 0));
    return traces.filter((_, index) => isMissing[index]);
  }
}
