/**
 * The causal history of a registry document, field by field: which edit gave a field its value, and which edits whoever
 * made it had seen. It is what an edit carries as its base, so that any two versions of a document can be joined without
 * the bodies of their ancestors, which neither replicate nor survive compaction.
 *
 * A field is a multi-value register (M. Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated
 * Data Types", INRIA RR-7506, 2011, 3.2.2), with the edits a version has seen as its context. Joining versions is
 * commutative, associative and idempotent: whoever joins what, in whatever order, ends with the same document.
 *
 * Whether the document exists is a field like the others (`_deleted`); every edit says anew that it does, so that a
 * deletion that has not seen an edit stands against it.
 */

/** Whether the document exists: the field's value is true where it was deleted. */
export const EXISTENCE = '_deleted';

export interface Edit {
  /** Begins with the time, so that ids sort by it; see `edit-id.ts`. */
  readonly id: string;
  /** Author. */
  readonly by: string;
  /** Canonical instant. */
  readonly at: string;
  /** A person's choice between values that stood against each other. */
  readonly isSettlement: boolean;
}

/** A value that no edit seen so far has replaced; `undefined` where the edit removed the field. */
export interface Candidate {
  readonly edit: string;
  readonly value: unknown;
}

/** What the edit that made a version changed: all its trace says, should a crash have prevented that from being written. */
export interface LastEdit {
  readonly edit: Edit;
  /** By name of each field it changed; undefined where there was none, or is none now. */
  readonly changes: ReadonlyMap<string, { readonly from: unknown; readonly to: unknown }>;
}

export interface DocumentState {
  /** Ids of all edits that had been seen. */
  readonly seen: ReadonlySet<string>;
  /** Those that candidates name. */
  readonly edits: ReadonlyMap<string, Edit>;
  /** By field; more than one where edits did not know of each other. */
  readonly fields: ReadonlyMap<string, readonly Candidate[]>;
  /** Absent where the version was made by joining others. */
  readonly last: LastEdit | undefined;
}

export const EMPTY_STATE: DocumentState = { seen: new Set(), edits: new Map(), fields: new Map(), last: undefined };

/** The state that has seen what all of them have: a candidate remains unless one of them has seen it and has it no more. */
export function joinStates(states: readonly DocumentState[]): DocumentState {
  const [first] = states;
  if (first && states.length === 1) return first;
  const names = new Set(states.flatMap(({ fields }) => [...fields.keys()]));
  const fields = new Map([...names].sort().map((name) => [name, joinField(states, name)] as const));
  const known = new Map(states.flatMap(({ edits }) => [...edits]));
  return {
    seen: new Set(states.flatMap(({ seen }) => [...seen])),
    ...{ fields, edits: editsOf(fields, known), last: undefined },
  };
}

function joinField(states: readonly DocumentState[], name: string): Candidate[] {
  const candidates = new Map<string, Candidate>();
  const sides = states.map(({ fields, seen }) => {
    const held = fields.get(name) ?? [];
    for (const candidate of held) candidates.set(candidate.edit, candidate);
    return { seen, held: new Set(held.map(({ edit }) => edit)) };
  });
  return [...candidates.values()]
    .filter(({ edit }) => sides.every(({ seen, held }) => !seen.has(edit) || held.has(edit)))
    .sort((one, other) => (one.edit < other.edit ? -1 : 1));
}

/** Of the known edits those that a candidate names. */
export function editsOf(
  fields: ReadonlyMap<string, readonly Candidate[]>,
  known: ReadonlyMap<string, Edit>,
): Map<string, Edit> {
  const named = new Set([...fields.values()].flatMap((candidates) => candidates.map(({ edit }) => edit)));
  return new Map([...named].sort().flatMap((id) => (known.has(id) ? [[id, known.get(id) as Edit]] : [])));
}
