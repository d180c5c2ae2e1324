/**
 * The trace of every edit, deletion, merge and settlement: a document of its own that replicates with the rest and is
 * never changed. It follows from the version it is about, so that whoever finds it missing writes the same.
 *
 * Ids begin with the time: `trace:<edit>:<type>:<id>`.
 */
import { sameValue } from './canonical-json.js';
import { type DocumentState, EXISTENCE } from './edit-history.js';
import { mergeId } from './edit-id.js';
import { contestedFields, shownFields, shownValue } from './field-values.js';
import { childOf, type JoinedLeaves } from './leaf-join.js';
import type { LeafStore, NewLeaf, Winner } from './leaf-store.js';
import type { TraceView } from './registry-view.js';

export const TRACE_PREFIX = 'trace:';
/** Looked through at once for those of one document. */
const CHUNK = 200;

type Changes = TraceView['changes'];

/** The trace of the edit that made a version; undefined where it was made by joining others. */
export function traceOfEdit(id: string, { last }: DocumentState): NewLeaf | undefined {
  if (!last) return undefined;
  const { edit, changes } = last;
  const fields = [...changes].filter(([name]) => name !== EXISTENCE);
  const changed = fields.map(([name, { from, to }]) => [name, change(from, to)] as const);
  const isDeletion = changes.get(EXISTENCE)?.to === true;
  const kind = edit.isSettlement ? 'settlement' : isDeletion ? 'deletion' : 'edit';
  return traceOf(edit.id, id, { kind, authors: [edit.by], at: edit.at, changes: Object.fromEntries(changed) });
}

/** The trace of a merge: what it changed in the version that would have shown without it. */
export function traceOfMerge(id: string, { sources, state }: JoinedLeaves, shown: DocumentState): NewLeaf {
  const edits = sources.flatMap((source) => [...source.state.edits.values()]).sort((a, b) => (a.id < b.id ? -1 : 1));
  const newest = edits.at(-1);
  const [before, now] = [shownFields(shown), shownFields(state)];
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  const changed = names.filter((name) => !sameValue(shownValue(shown, name), shownValue(state, name)));
  const changes = changed.map((name) => [name, change(shownValue(shown, name), shownValue(state, name))] as const);
  const contested = contestedFields(state);
  const authors = [...new Set(edits.map(({ by }) => by))].sort();
  const name = mergeId(
    newest?.id ?? '',
    sources.map(({ leaf }) => leaf.rev),
  );
  return traceOf(name, id, {
    ...{ kind: 'merge', authors, at: newest?.at ?? '', changes: Object.fromEntries(changes) },
    ...(contested.length === 0 ? {} : { conflicts: contested }),
  });
}

/** The newest first, of one document or of all; `before` is the `_id` of a trace. */
export async function readTraces(
  leaves: LeafStore,
  of: string | undefined,
  { limit, before }: { limit: number; before?: string },
): Promise<TraceView[]> {
  const found: TraceView[] = [];
  for (let from = before; ; ) {
    const chunk = { prefix: TRACE_PREFIX, descending: true, limit: of === undefined ? limit : CHUNK };
    const traces = await leaves.winners({ ...chunk, ...(from === undefined ? {} : { before: from }) });
    found.push(...traces.map(asTraceView).filter((trace) => of === undefined || trace.of === of));
    from = traces.at(-1)?.id;
    if (found.length >= limit || traces.length < chunk.limit) return found.slice(0, limit);
  }
}

function asTraceView({ id, body }: Pick<Winner, 'id' | 'body'>): TraceView {
  const { of, kind, authors, at, changes, conflicts } = body as unknown as TraceView;
  return { _id: id, of, kind, authors, at, changes, ...(conflicts === undefined ? {} : { conflicts }) };
}

function traceOf(name: string, id: string, what: Omit<TraceView, '_id' | 'of'>): NewLeaf {
  return childOf(`${TRACE_PREFIX}${name}:${id}`, undefined, false, { type: 'trace', of: id, ...what });
}

function change(from: unknown, to: unknown): Changes[string] {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}
