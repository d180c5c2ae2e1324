/** What a settlement may not do beside settling. */
import { AppError } from '../app-error.js';
import { sameValue } from './canonical-json.js';
import type { DocumentState } from './edit-history.js';
import { contestedFields, shownFields, valuesOf } from './field-values.js';
import { own } from './own-field.js';
import { assertHistoryStays, assertSize } from './registry-documents.js';

export interface Settlement {
  type: string;
  id: string;
  state: DocumentState;
  /** All fields the document is to have. */
  chosen: Readonly<Record<string, unknown>>;
  ifMatch: string | undefined;
  nowMs: number;
}

/**
 * Throws `precondition_required` where fields would change that nobody disagrees on and that were edited since the conflict
 * arose, without `If-Match`: who merged the document may not have seen them. Throws `conflict` for another price of a tariff whose time has come, and as
 * `assertSize` does.
 */
export function assertOnlySettles({ type, id, state, chosen, ifMatch, nowMs }: Settlement): void {
  const contested = new Set(contestedFields(state));
  const shown = shownFields(state);
  const names = [...new Set([...Object.keys(shown), ...Object.keys(chosen)])];
  const newestOf = (name: string) => valuesOf(state, name)[0]?.edit ?? '';
  const arose = [...contested].map(newestOf).sort().at(-1) ?? '';
  const others = names.filter((name) => !contested.has(name) && !sameValue(own(shown, name), own(chosen, name)));
  const unseen = others.filter((name) => newestOf(name) > arose);
  if (unseen.length > 0 && ifMatch === undefined) {
    const what = `the merged document also changes ${unseen.join(', ')}, edited since the conflict arose`;
    throw new AppError('precondition_required', `${what}: name in If-Match the revision it was merged from`);
  }
  assertSize(type, shown, chosen);
  const before = names.map((name) => [name, own(contested.has(name) ? chosen : shown, name)] as const);
  assertHistoryStays(type, id, Object.fromEntries(before), chosen, nowMs);
}
