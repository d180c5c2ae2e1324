/**
 * `POST /registry-<village>/_bulk_docs`: takes replicated documents of the village's registry, and joins those that have
 * several leaves then. Each document is judged by itself and refused the way CouchDB refuses one; the answer is given
 * after everything accepted is durable.
 */
import type { RequestHandler } from 'express';
import { villageOf } from '../roles.js';
import { OverlapTurns } from '../store/overlap-turns.js';
import type { RegistryDatabase } from '../store/registry-contract.js';
import { documentsOf } from './bulk-docs.js';
import type { GatewayContext } from './gateway-context.js';
import { refusedLeaves } from './leaf-limit.js';
import { checkRegistryDocument, type RegistryDocument } from './registry-document-check.js';
import { refusedTraces } from './registry-traces.js';
import { sendEntries } from './send-entries.js';

type Entry = { id: string; rev: string; ok: true } | { id: string | null; error: 'forbidden'; reason: string };

export function registryBulkDocsHandler(context: GatewayContext): RequestHandler {
  const { store, admission, directory, notes } = context;
  const turns = new OverlapTurns();
  return async (request, response) => {
    const village = villageOf(response);
    const registry = store().registry(village);
    const entries = await admission.withBody({ village, request, response }, async (body) => {
      const documents = documentsOf(body);
      // The body may have been minutes on its way, and waited: whoever was disabled meanwhile is out.
      await directory.assertEnabled(village);
      return takeDocuments(documents, { village, registry, turns });
    });
    await notes.written(village, [...new Set(entries.flatMap((entry) => ('ok' in entry ? [entry.id] : [])))]);
    await sendEntries(request, response, entries);
  };
}

interface Taking {
  village: string;
  registry: RegistryDatabase;
  turns: OverlapTurns;
}

async function takeDocuments(documents: readonly unknown[], { village, registry, turns }: Taking): Promise<Entry[]> {
  const verdicts = documents.map(checkRegistryDocument);
  const accepted = verdicts.flatMap((verdict) => ('accepted' in verdict ? [verdict.accepted] : []));
  // What is looked at must stay so until the documents are written.
  const keys = [...new Set(accepted.map(({ id }) => `${village}/${id}`))];
  const reasonOf = await turns.run(keys, async () => {
    const traces = await refusedTraces(registry, accepted);
    const leaves = await refusedLeaves(
      registry,
      accepted.filter((one) => !traces.has(one)),
    );
    const refused = new Map([...traces, ...leaves]);
    const bounded = accepted.filter((one) => !refused.has(one));
    const refusals = await registry.write(bounded.map(({ document }) => document));
    const refusedByStore = new Map(refusals.map(({ id, reason }) => [id, reason]));
    return (one: RegistryDocument) => refused.get(one) ?? refusedByStore.get(one.id);
  });
  return verdicts.map((verdict): Entry => {
    if (!('accepted' in verdict)) return { id: verdict.id, error: 'forbidden', reason: verdict.reason };
    const { id, rev } = verdict.accepted;
    const reason = reasonOf(verdict.accepted);
    return reason === undefined ? { id, rev, ok: true } : { id, error: 'forbidden', reason };
  });
}
