/**
 * A registry document as it is stored and replicated: its fields as they show, and under `edits` what its history says.
 *
 * Bodies come from anywhere: from a newer program, from a tool that edits documents and knows nothing of histories, from
 * a village with ideas of its own. Whatever is not exactly what this file writes counts as one edit of the whole document
 * by somebody unknown, who had seen what the document said of its history.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.js';
import { type Candidate, type DocumentState, type Edit, EXISTENCE, editsOf, type LastEdit } from './edit-history.js';
import { foreignEditId } from './edit-id.js';
import { isDeleted, shownFields, shownValue } from './field-values.js';
import type { Leaf } from './leaf-store.js';
import { own } from './own-field.js';

/** The version of the documents that this program writes. */
export const SCHEMA_VERSION = 1;

/** Names in a body that are not its fields; those that begin with an underscore are not either. */
const NOT_FIELDS: ReadonlySet<string> = new Set(['type', 'id', 'schemaVersion', 'edits']);

/** So many edits back a version knows what it has seen; of what is older it may ask a person again. */
const MAX_SEEN = 500;

const UNKNOWN_AUTHOR = 'unknown';
const UNKNOWN_AT = '1970-01-01T00:00:00.000Z';

const editId = z.string().regex(/^[0-9a-z]{10,40}$/);
const fieldName = z.string().refine((name) => name === EXISTENCE || isField(name));

// Loose: a newer program may say more, and its conflicts are not to be forgotten for that.
const editSchema = z.looseObject({
  id: editId,
  by: z.string().max(128),
  at: z.string().max(32),
  settles: z.literal(true).optional(),
});

const changeSchema = z.looseObject({ from: z.unknown().optional(), to: z.unknown().optional() });

const historySchema = z.looseObject({
  by: z.array(z.looseObject({ ...editSchema.shape, set: z.array(fieldName) })),
  seen: z.array(editId),
  open: z.record(fieldName, z.array(z.looseObject({ edit: editId, value: z.unknown().optional() }))).optional(),
  last: z.looseObject({ ...editSchema.shape, changes: z.record(fieldName, changeSchema) }).optional(),
  sum: z.string(),
});

type History = z.infer<typeof historySchema>;

export interface StoredBody {
  deleted: boolean;
  body: Record<string, unknown>;
}

/** What is stored for a state. `schemaVersion` is kept where a newer program wrote it. */
export function bodyOf(id: string, state: DocumentState, schemaVersion = SCHEMA_VERSION): StoredBody {
  const deleted = isDeleted(state);
  const named = { ...namesOf(id), ...shownFields(state), schemaVersion };
  const history = historyOf(state);
  return { deleted, body: { ...named, edits: { ...history, sum: sumOf(deleted, named, history) } } };
}

/** What a stored body says. */
export function stateOf({ rev, deleted, body }: Pick<Leaf, 'rev' | 'deleted' | 'body'>): DocumentState {
  const parsed = historySchema.safeParse(body.edits);
  if (!parsed.success) return foreignState(rev, deleted, body, undefined);
  const { sum, ...history } = parsed.data;
  const { edits: _, ...named } = body;
  if (sum !== sumOf(deleted, named, history)) return foreignState(rev, deleted, body, parsed.data);
  return ownState(deleted, body, parsed.data);
}

/** What a document's id consists of. */
export function namesOf(id: string): { type: string; id: string } {
  const [type = '', ...rest] = id.split(':');
  return { type, id: rest.join(':') };
}

export function schemaVersionOf(body: Readonly<Record<string, unknown>>): number {
  const given = body.schemaVersion;
  return Number.isSafeInteger(given) && (given as number) > SCHEMA_VERSION ? (given as number) : SCHEMA_VERSION;
}

/** A text that is the same for the same state, apart from which edit was the last. */
export function textOf(state: DocumentState): string {
  return canonicalJson([historyOf({ ...state, last: undefined }), shownFields(state)]);
}

function historyOf(state: DocumentState): Omit<History, 'sum'> {
  const setBy = new Map<string, string[]>([...state.edits.keys()].map((id) => [id, []]));
  const open: [string, ReturnType<typeof asStored>[]][] = [];
  for (const [name, candidates] of [...state.fields].sort(byName)) {
    const shown = canonicalJson(shownValue(state, name));
    const isShown = ({ value }: Candidate) => canonicalJson(value) === shown;
    for (const { edit } of candidates.filter(isShown)) setBy.get(edit)?.push(name);
    const hidden = candidates.filter((candidate) => !isShown(candidate));
    if (hidden.length > 0) open.push([name, hidden.map(asStored)]);
  }
  const by = [...state.edits.values()].map((edit) => ({ ...storedEdit(edit), set: setBy.get(edit.id) ?? [] }));
  const seen = [...state.seen].filter((id) => !state.edits.has(id)).sort();
  return {
    ...{ by, seen: seen.slice(-MAX_SEEN) },
    ...(open.length === 0 ? {} : { open: Object.fromEntries(open) }),
    ...(state.last === undefined ? {} : { last: lastOf(state.last) }),
  };
}

function lastOf({ edit, changes }: LastEdit): NonNullable<History['last']> {
  const given = [...changes].map(([name, { from, to }]) => [name, withoutUndefined({ from, to })] as const);
  return { ...storedEdit(edit), changes: Object.fromEntries(given) };
}

function storedEdit({ id, by, at, isSettlement }: Edit): z.infer<typeof editSchema> {
  return { id, by, at, ...(isSettlement ? { settles: true as const } : {}) };
}

function asStored({ edit, value }: Candidate): { edit: string; value?: unknown } {
  return value === undefined ? { edit } : { edit, value };
}

function withoutUndefined<T extends object>(record: T): Partial<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function ownState(deleted: boolean, body: Readonly<Record<string, unknown>>, history: History): DocumentState {
  const fields = new Map<string, Candidate[]>();
  const add = (name: string, candidate: Candidate) => fields.set(name, [...(fields.get(name) ?? []), candidate]);
  for (const { id, set } of history.by) {
    for (const name of set) add(name, { edit: id, value: name === EXISTENCE ? deleted : own(body, name) });
  }
  for (const [name, hidden] of Object.entries(history.open ?? {})) {
    for (const { edit, value } of hidden) add(name, { edit, value });
  }
  for (const candidates of fields.values()) candidates.sort((one, other) => (one.edit < other.edit ? -1 : 1));
  return {
    seen: seenIn(history),
    ...{ edits: editsOf(fields, editsIn(history)), fields },
    last: lastIn(history),
  };
}

/** One edit that gave every field the value it has; what stood against them before still does. */
function foreignState(
  rev: string,
  deleted: boolean,
  body: Readonly<Record<string, unknown>>,
  history: History | undefined,
): DocumentState {
  const edit: Edit = { id: foreignEditId(rev), by: UNKNOWN_AUTHOR, at: UNKNOWN_AT, isSettlement: false };
  const names = Object.keys(body).filter(isField);
  const earlier = history?.by.flatMap(({ set }) => set).filter((name) => name !== EXISTENCE) ?? [];
  const fields = new Map<string, Candidate[]>();
  for (const name of new Set([...names, ...earlier])) fields.set(name, [{ edit: edit.id, value: own(body, name) }]);
  fields.set(EXISTENCE, [{ edit: edit.id, value: deleted }]);
  const known = history ? editsIn(history) : new Map<string, Edit>();
  for (const [name, hidden] of Object.entries(history?.open ?? {})) {
    const still = hidden.filter(({ edit: id }) => known.has(id)).map(({ edit: id, value }) => ({ edit: id, value }));
    const all = [...(fields.get(name) ?? []), ...still];
    fields.set(
      name,
      all.sort((one, other) => (one.edit < other.edit ? -1 : 1)),
    );
  }
  return {
    seen: new Set([...(history ? seenIn(history) : []), edit.id]),
    edits: editsOf(fields, new Map([...known, [edit.id, edit]])),
    // Whoever made the edit kept what the version before said of its own.
    ...{ fields, last: history && lastIn(history) },
  };
}

function lastIn({ last }: History): LastEdit | undefined {
  if (!last) return undefined;
  const changes = Object.entries(last.changes).map(([name, { from, to }]) => [name, { from, to }] as const);
  return { edit: editOf(last), changes: new Map(changes) };
}

function seenIn({ by, seen }: History): Set<string> {
  return new Set([...seen, ...by.map(({ id }) => id)]);
}

function editsIn({ by }: History): Map<string, Edit> {
  return new Map(by.map((stored) => [stored.id, editOf(stored)]));
}

function editOf({ id, by, at, settles }: z.infer<typeof editSchema>): Edit {
  return { id, by, at, isSettlement: settles === true };
}

/** What shows whether a body was changed without its history. */
export function sumOf(deleted: boolean, named: object, history: object): string {
  return hash('sha256', canonicalJson([deleted, named, history]), 'hex').slice(0, 16);
}

function isField(name: string): boolean {
  return !name.startsWith('_') && !NOT_FIELDS.has(name);
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}
