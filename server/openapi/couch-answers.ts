/** Schemas of what the replication endpoints and CouchDB's own queries answer, in CouchDB's words. */
import { z } from 'zod';
import { count, describing } from '../../shared/openapi/answers.js';
import { bulkDocsSchema } from '../gateway/bulk-docs.js';
import { bulkGetSchema } from '../gateway/registry-revisions.js';
import type { RevisionsMissing, TelemetryInfo } from '../store/contract.js';

export const couchErrorSchema = z.object({ error: z.string(), reason: z.string() });

const position = z.union([z.int(), z.string()]);

export const infoSchema = describing<TelemetryInfo>()(
  z.object({
    db_name: z.string(),
    doc_count: count,
    doc_del_count: count,
    update_seq: position,
    instance_start_time: z.string(),
    props: z.object({ partitioned: z.exactOptional(z.boolean()) }),
  }),
);

export const missingSchema = describing<RevisionsMissing>()(
  z.record(
    z.string(),
    z.object({ missing: z.array(z.string()), possible_ancestors: z.exactOptional(z.array(z.string())) }),
  ),
);

const entrySchema = z.union([
  z.object({
    id: z.string(),
    rev: z.string(),
    ok: z.literal(true),
    held: z
      .exactOptional(z.object({ node: z.string(), seq: z.int() }))
      .describe('The same document was held already, under this number'),
  }),
  z.object({ id: z.string().nullable(), error: z.string(), reason: z.string() }),
]);
export const entriesSchema = z.array(entrySchema);

export const localSchema = z.looseObject({ _id: z.string(), _rev: z.string() });
export const keptSchema = z.object({ ok: z.literal(true), id: z.string(), rev: z.string() });
export const receiptSchema = z.object({
  count: count.describe('Documents held'),
  checksum: count.describe('See receipts.md'),
});

const registryDocument = z.looseObject({ _id: z.string(), _rev: z.string() });
export const foundSchema = z.union([
  z.object({ ok: registryDocument }),
  z.object({ error: z.object({ id: z.string(), rev: z.string(), error: z.string(), reason: z.string() }) }),
  z.object({ missing: z.string() }),
]);

export const changesSchema = z.object({
  results: z.array(
    z.object({
      seq: position,
      id: z.string(),
      changes: z.array(z.object({ rev: z.string() })),
      deleted: z.exactOptional(z.boolean()),
      doc: z.exactOptional(registryDocument),
    }),
  ),
  last_seq: position,
  pending: z.exactOptional(count),
});

export const rowsSchema = z.looseObject({ rows: z.array(z.looseObject({})) });

export const GATEWAY_SCHEMAS = {
  CouchError: couchErrorSchema,
  DatabaseInfo: infoSchema,
  MissingRevisions: missingSchema,
  WrittenDocuments: entriesSchema,
  LocalDocument: localSchema,
  RegistryChanges: changesSchema,
  Rows: rowsSchema,
  WriteRequest: bulkDocsSchema,
  ReadRequest: bulkGetSchema,
} as const;
