/** What a field shows of its candidates: the values that stand against each other, and the one that shows meanwhile. */
import { canonicalJson } from './canonical-json.js';
import { type Candidate, type DocumentState, EXISTENCE } from './edit-history.js';

/** A value, and the newest of the edits that gave it. */
export interface FieldValue {
  readonly value: unknown;
  readonly edit: string;
}

/**
 * The values that stand against each other, the one that shows first: the newest edit's, and existing before deleted.
 *
 * Equal values are one. Of settlements made without knowing of each other the newest counts: a choice between choices
 * would be a new conflict.
 */
export function valuesOf(state: DocumentState, field: string): FieldValue[] {
  const byValue = new Map<string, Candidate>();
  // Candidates come sorted: a newer one of the same value takes the place.
  for (const candidate of countingCandidates(state, field)) byValue.set(canonicalJson(candidate.value), candidate);
  return [...byValue.values()].sort((one, other) => {
    if (field === EXISTENCE) return Number(one.value) - Number(other.value);
    return one.edit > other.edit ? -1 : 1;
  });
}

/** The value that shows; undefined where there is none. */
export function shownValue(state: DocumentState, field: string): unknown {
  return valuesOf(state, field)[0]?.value;
}

export function isDeleted(state: DocumentState): boolean {
  return shownValue(state, EXISTENCE) !== false;
}

/** The fields that show, by name. */
export function shownFields(state: DocumentState): Record<string, unknown> {
  const names = [...state.fields.keys()].filter((name) => name !== EXISTENCE).sort();
  const entries = names.map((name) => [name, shownValue(state, name)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Names of the fields in which values stand against each other; of what is deleted for good there are none. */
export function contestedFields(state: DocumentState): string[] {
  if (isDeleted(state)) return [];
  return [...state.fields.keys()].filter((name) => valuesOf(state, name).length > 1).sort();
}

function countingCandidates(state: DocumentState, field: string): Candidate[] {
  const candidates = state.fields.get(field) ?? [];
  const isSettlement = ({ edit }: Candidate) => state.edits.get(edit)?.isSettlement ?? false;
  const newest = candidates.filter(isSettlement).at(-1);
  return candidates.filter((candidate) => candidate === newest || !isSettlement(candidate));
}
