/** How an edit, a deletion and a settlement change a document: pure functions from one state to the next. */
import { sameValue } from './canonical-json.js';
import { type Candidate, type DocumentState, type Edit, EXISTENCE, editsOf } from './edit-history.js';
import { contestedFields, isDeleted, shownFields, shownValue, valuesOf } from './field-values.js';
import { own } from './own-field.js';

/**
 * The document with these fields and no others; the same state where nothing changes. A field whose values stand against
 * each other goes on doing so: what the edit replaces is the value that showed.
 */
export function withFields(state: DocumentState, fields: Readonly<Record<string, unknown>>, edit: Edit): DocumentState {
  const isNew = isDeleted(state);
  const shown = isNew ? {} : shownFields(state);
  const changed = namesOf(shown, fields).filter((name) => !sameValue(own(shown, name), own(fields, name)));
  if (changed.length === 0 && !isNew) return state;
  const next = new Map(state.fields);
  // A document that is made anew has nothing to do with what was there.
  if (isNew) for (const name of state.fields.keys()) next.set(name, [{ edit: edit.id, value: own(fields, name) }]);
  for (const name of changed) {
    next.set(name, [...(isNew ? [] : others(state, name)), { edit: edit.id, value: own(fields, name) }]);
  }
  next.set(EXISTENCE, [...(isNew ? [] : others(state, EXISTENCE)), { edit: edit.id, value: false }]);
  return after(state, next, edit, isNew ? [...changed, EXISTENCE] : changed);
}

/** The document deleted. What had been said of its fields stays with the deletion, should it stand against an edit. */
export function withoutDocument(state: DocumentState, edit: Edit): DocumentState {
  const next = new Map(state.fields).set(EXISTENCE, [{ edit: edit.id, value: true }]);
  return after(state, next, edit, [EXISTENCE]);
}

/**
 * The document with a value chosen for every contested field; further fields may be given another value with it. Replaces
 * all that stood against each other.
 */
export function settled(
  state: DocumentState,
  chosen: Readonly<Record<string, unknown>>,
  isDeletion: boolean,
  edit: Edit,
): DocumentState {
  const contested = contestedFields(state).filter((name) => name !== EXISTENCE);
  const shown = shownFields(state);
  const changed = namesOf(shown, chosen).filter((name) => !sameValue(own(shown, name), own(chosen, name)));
  const names = [...new Set([...contested, ...changed])].sort();
  const next = new Map(state.fields);
  for (const name of names) next.set(name, [{ edit: edit.id, value: own(chosen, name) }]);
  const wasContested = valuesOf(state, EXISTENCE).length > 1;
  next.set(EXISTENCE, [{ edit: edit.id, value: isDeletion }]);
  return after(state, next, edit, wasContested ? [...names, EXISTENCE] : names);
}

function after(
  before: DocumentState,
  fields: ReadonlyMap<string, readonly Candidate[]>,
  edit: Edit,
  changed: readonly string[],
): DocumentState {
  const sorted = new Map([...fields].map(([name, list]) => [name, [...list].sort(byEdit)] as const));
  return {
    seen: new Set([...before.seen, edit.id]),
    edits: editsOf(sorted, new Map([...before.edits, [edit.id, edit]])),
    fields: sorted,
    last: { edit, changes: new Map(changed.map((name) => [name, changeOf(before, sorted, name, edit)])) },
  };
}

function changeOf(
  before: DocumentState,
  fields: ReadonlyMap<string, readonly Candidate[]>,
  name: string,
  { id }: Edit,
): { from: unknown; to: unknown } {
  return { from: shownValue(before, name), to: fields.get(name)?.find(({ edit }) => edit === id)?.value };
}

/** The candidates that stand against the value that shows. */
function others(state: DocumentState, name: string): Candidate[] {
  return valuesOf(state, name)
    .slice(1)
    .flatMap(({ value }) => (state.fields.get(name) ?? []).filter((candidate) => sameValue(candidate.value, value)));
}

function byEdit(one: Candidate, other: Candidate): number {
  return one.edit < other.edit ? -1 : 1;
}

function namesOf(...records: Readonly<Record<string, unknown>>[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))].sort();
}
