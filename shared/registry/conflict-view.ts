/** Open conflicts as people see them, and the choice a settlement makes. */
import { hash } from 'node:crypto';
import { namesOf } from './document-body.js';
import { type DocumentState, EXISTENCE } from './edit-history.js';
import { contestedFields, type FieldValue, isDeleted, shownFields, valuesOf } from './field-values.js';
import type { Conflict, ConflictingValue, ConflictVersion, RegistryView } from './registry-view.js';

/** What a settlement is to say. */
export interface Choice {
  isDeletion: boolean;
  /** All fields of the document. */
  fields: Record<string, unknown>;
}

/** What stands against each other. */
interface Contest {
  state: DocumentState;
  shown: Readonly<Record<string, unknown>>;
  /** By contested field. */
  values: ReadonlyMap<string, readonly FieldValue[]>;
  /**
   * What names the version of each edit, oldest first: like a revision, and the same on every side; the version itself
   * may never have been stored as one. Once something else stands against them the names are others, so that nobody
   * settles what they have not seen.
   */
  revs: ReadonlyMap<string, string>;
}

/** The document as it shows; undefined where it is deleted. */
export function viewOf(id: string, rev: string, schemaVersion: number, state: DocumentState): RegistryView | undefined {
  if (isDeleted(state)) return undefined;
  const conflicts = contestedFields(state);
  const newest = [...state.edits.values()].at(-1);
  return {
    ...{ _id: id, _rev: rev, ...namesOf(id) },
    ...shownFields(state),
    ...{ author: newest?.by ?? 'unknown', editedAt: newest?.at ?? '', schemaVersion },
    ...(conflicts.length === 0 ? {} : { conflicts }),
  };
}

/** The open conflict of a document; undefined where there is none. */
export function conflictOf(id: string, rev: string, state: DocumentState): Conflict | undefined {
  const contest = contestOf(id, state);
  if (contest.values.size === 0) return undefined;
  const fields = [...contest.values].map(([name, values]) => {
    return [name, values.map((value) => valueView(contest, name, value))] as const;
  });
  return {
    ...{ _id: id, ...namesOf(id), winner: rev },
    fields: Object.fromEntries(fields),
    versions: [...contest.revs.keys()].map((edit) => versionOf(contest, edit)),
  };
}

/** What keeping a version says; undefined where the conflict has no such version. */
export function choiceOf(id: string, rev: string, state: DocumentState, keep: string): Choice | undefined {
  if (keep === rev) return { isDeletion: false, fields: shownFields(state) };
  const contest = contestOf(id, state);
  const [edit] = [...contest.revs].find(([, name]) => name === keep) ?? [];
  if (edit === undefined) return undefined;
  return { isDeletion: hasDeleted(contest, edit), fields: fieldsBy(contest, edit) };
}

function contestOf(id: string, state: DocumentState): Contest {
  const values = new Map(contestedFields(state).map((name) => [name, valuesOf(state, name)] as const));
  const edits = [...new Set([...values.values()].flat().map(({ edit }) => edit))].sort();
  const all = hash('sha256', edits.join(), 'hex');
  const nameOf = (edit: string) => `1-${hash('sha256', `${id},${edit},${all}`, 'hex').slice(0, 32)}`;
  return { state, shown: shownFields(state), values, revs: new Map(edits.map((edit) => [edit, nameOf(edit)])) };
}

function versionOf(contest: Contest, edit: string): ConflictVersion {
  const deleted = hasDeleted(contest, edit);
  return {
    ...{ rev: contest.revs.get(edit) ?? '', ...madeBy(contest, edit), deleted },
    ...(deleted ? {} : { doc: fieldsBy(contest, edit) }),
  };
}

function valueView(contest: Contest, name: string, { value, edit }: FieldValue): ConflictingValue {
  const shown = name === EXISTENCE || value !== undefined ? { value } : {};
  return { rev: contest.revs.get(edit) ?? '', ...shown, ...madeBy(contest, edit) };
}

function madeBy({ state }: Contest, edit: string): { author: string; at: string } {
  const { by = 'unknown', at = '' } = state.edits.get(edit) ?? {};
  return { author: by, at };
}

function hasDeleted({ values }: Contest, edit: string): boolean {
  return values.get(EXISTENCE)?.some((one) => one.edit === edit && one.value === true) ?? false;
}

/** The document with what an edit says of the contested fields. */
function fieldsBy({ shown, values }: Contest, edit: string): Record<string, unknown> {
  const fields = new Map(Object.entries(shown));
  for (const [name, list] of values) {
    const said = list.find((one) => one.edit === edit);
    if (!said || name === EXISTENCE) continue;
    if (said.value === undefined) fields.delete(name);
    else fields.set(name, said.value);
  }
  return Object.fromEntries(fields);
}
