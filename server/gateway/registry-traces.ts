/**
 * Traces say what was done to a document and are never edited: a village adds them, and neither changes nor deletes one
 * that is there. Between gateways only a village that races against itself could do so; then both versions are kept.
 */
import { sameValue } from '../../shared/registry/canonical-json.js';
import { TRACE_PREFIX } from '../../shared/registry/traces.js';
import type { FoundRevision, RegistryDatabase } from '../store/registry-contract.js';
import type { RegistryDocument } from './registry-document-check.js';

const AS_STORED = { latest: false, history: false } as const;

/** Why traces among the documents may not be written, by document; nobody else may write to them meanwhile. */
export async function refusedTraces(
  registry: RegistryDatabase,
  documents: readonly RegistryDocument[],
): Promise<Map<RegistryDocument, string>> {
  const traces = documents.filter(({ id }) => id.startsWith(TRACE_PREFIX));
  const refused = new Map<RegistryDocument, string>();
  const ids = [...new Set(traces.map(({ id }) => id))];
  const asked = ids.map((id) => ({ id, rev: 'all' }));
  const found = await registry.revisions(asked, AS_STORED);
  const held = new Map(ids.map((id, n): [string, unknown] => [id, contentOf(found[n] ?? [])]));
  for (const trace of traces) {
    const content = contentIn(trace.document);
    if (trace.deleted) refused.set(trace, 'is a trace, which is never deleted');
    else if (held.get(trace.id) === undefined) held.set(trace.id, content);
    else if (!sameValue(held.get(trace.id), content)) refused.set(trace, 'is a trace already held with other content');
  }
  return refused;
}

function contentOf(found: readonly FoundRevision[]): unknown {
  const [first] = found.flatMap((one) => ('ok' in one ? [one.ok] : []));
  return first && contentIn(first);
}

function contentIn(document: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(document).filter(([name]) => !name.startsWith('_')));
}
