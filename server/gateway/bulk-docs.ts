/**
 * `POST /telemetry/_bulk_docs`: takes replicated documents of one village.
 *
 * Each document is judged by itself and refused the way CouchDB refuses one. An answer is given after everything
 * accepted is durable; when the store fails, the whole request fails and nothing is claimed.
 */
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { villageOf } from '../roles.js';
import type { HeldNumber, IncomingDocument, WriteOutcome } from '../store/contract.js';
import { assertFew } from './body-density.js';
import { checkDocument, type DocumentVerdict } from './document-check.js';
import type { GatewayContext } from './gateway-context.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { sendEntries } from './send-entries.js';

/** One line of the answer. */
export type BulkEntry =
  | { id: string; rev: string; ok: true; held?: HeldNumber }
  | { id: string | null; error: 'forbidden'; reason: string };

export function bulkDocsHandler(context: GatewayContext): RequestHandler {
  const { store, contacts, admission, directory, metrics, clock } = context;
  return async (request, response) => {
    const village = villageOf(response);
    const beganMs = clock.monotonic();
    const entries = await admission.withBody({ village, request, response }, async (body) => {
      const documents = documentsOf(body);
      // The body may have been minutes on its way, and waited: whoever was disabled meanwhile is out.
      await directory.assertEnabled(village);
      return takeDocuments(documents, { village, metrics, write: (accepted) => store().write(accepted) });
    });
    metrics.batchAnswered(entries.length, clock.monotonic() - beganMs);
    if (entries.some((entry) => 'ok' in entry)) contacts.note(village, { succeeded: true, documents: true });
    await sendEntries(request, response, entries);
  };
}

/** Documents are judged one by one, see `document-check.ts`. */
export const bulkDocsSchema = z.object({ docs: z.array(z.unknown()), new_edits: z.literal(false) });

/** The documents of a body. Throws `invalid_request` and `too_large`. */
export function documentsOf(body: unknown): unknown[] {
  const parsed = bulkDocsSchema.safeParse(body);
  if (!parsed.success) {
    const isOldEdit = parsed.error.issues[0]?.path[0] === 'new_edits';
    throw new AppError('invalid_request', isOldEdit ? NEW_EDITS_WANTED : DOCS_WANTED);
  }
  const { docs } = parsed.data;
  assertFew(docs.length, 'documents');
  return docs;
}

const DOCS_WANTED = 'the body must be an object with docs, a list of documents';
const NEW_EDITS_WANTED = 'new_edits must be false: this gateway takes replicated documents only';

interface Taking {
  village: string;
  metrics: GatewayMetrics;
  write(accepted: IncomingDocument[]): Promise<WriteOutcome[]>;
}

async function takeDocuments(documents: readonly unknown[], { village, metrics, write }: Taking): Promise<BulkEntry[]> {
  const verdicts = documents.map((document) => checkDocument(document, village));
  const accepted = verdicts.flatMap((verdict) => ('document' in verdict ? [verdict.document] : []));
  const outcomes = accepted.length === 0 ? [] : await write(accepted);
  for (const verdict of verdicts) if ('kind' in verdict) metrics.documentRefused(verdict.kind);
  for (const outcome of outcomes) if (!outcome.ok) metrics.documentRefused('rewrite');
  metrics.documentsTaken(outcomes.filter(({ ok }) => ok).length);
  let next = 0;
  return verdicts.map((verdict) => ('document' in verdict ? entryOf(verdict, outcomes[next++]) : refusal(verdict)));
}

function entryOf({ document }: { document: IncomingDocument }, outcome: WriteOutcome | undefined): BulkEntry {
  if (!outcome) throw new AppError('internal', 'the store left a document without an outcome');
  const { id, rev } = document;
  if (!outcome.ok) return { id, error: outcome.error, reason: outcome.reason };
  return { id, rev, ok: true, ...(outcome.held ? { held: outcome.held } : {}) };
}

function refusal({ id, reason }: Exclude<DocumentVerdict, { document: IncomingDocument }>): BulkEntry {
  return { id, error: 'forbidden', reason };
}
