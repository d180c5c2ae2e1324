/**
 * Schemas of what both programs answer. Each is held against the type of the answer by the compiler: a field that either
 * has alone does not compile.
 */
import { z } from 'zod';
import { type ErrorDetail, SHOWN_CODES, type ShownCode } from '../app-error.js';
import { nameSchema, type TelemetryDocument } from '../documents.js';
import { REGISTRY_TYPES } from '../registry/registry-documents.js';
import type { Conflict, RegistryView, TraceView } from '../registry/registry-view.js';
import type { TelemetryPage } from '../telemetry-list.js';

/** The schema given, which must describe `T` and name each of its fields. */
export function describing<T>() {
  return <Schema extends z.ZodType<T>>(
    schema: keyof T & string extends keyof z.infer<Schema>
      ? Schema
      : { leavesOut: Exclude<keyof T, keyof z.infer<Schema>> },
  ): Schema => schema as Schema;
}

/** RFC 3339 in UTC with milliseconds, such as `2026-03-01T12:00:00.000Z`. */
export const instant = z.string().meta({ format: 'date-time' });
export const count = z.int().min(0);

interface ErrorAnswer {
  error: { code: ShownCode; message: string; details?: ErrorDetail[] };
}

export const errorSchema = describing<ErrorAnswer>()(
  z.object({
    error: z.object({
      code: z.enum(SHOWN_CODES).describe('Stable; for programs'),
      message: z.string().describe('One sentence that names the thing; for people'),
      details: z
        .array(
          z.object({
            index: z.exactOptional(count).describe("The document's place in the request, from 0"),
            path: z.exactOptional(z.string()).describe("The field's name"),
            message: z.string(),
          }),
        )
        .exactOptional(),
    }),
  }),
);

export const telemetryDocumentSchema = z
  .object({
    _id: z.string(),
    _rev: z.string().describe('A hash of what the sender gave'),
    type: z.enum(['reading', 'prediction', 'event']),
    village: z.string(),
    node: z.string().describe('Random name of the store that took it'),
    seq: z.int().min(1).describe('Its number in that store, without gaps from 1'),
    boot: count.describe('How often that store had been opened'),
    clock: z.exactOptional(z.literal('unsure')).describe('There where the node could not trust its clock'),
    at: instant,
    device: z.exactOptional(nameSchema),
    model: z.exactOptional(nameSchema),
    for: z.exactOptional(instant).describe('What time a prediction is about'),
  })
  .catchall(z.unknown())
  .describe(
    'A reading, a prediction or an event of the node itself as it is stored: measurements stand beside the rest',
  )
  .refine((document): document is TelemetryDocument => typeof document._id === 'string');

const next = z.exactOptional(z.string()).describe('The `cursor` of the page behind this one; absent at the end');

export const telemetryPageSchema = describing<TelemetryPage>()(
  z.object({ items: z.array(telemetryDocumentSchema), next }),
);

export const registryViewSchema = describing<RegistryView>()(
  z
    .looseObject({
      _id: z.string().describe('`<type>:<id>`'),
      _rev: z.string().describe('Also the ETag, in quotation marks'),
      type: z.enum(REGISTRY_TYPES),
      id: nameSchema,
      author: z.string().describe('Of the last edit: `village:<id>`, or a name at the centre'),
      editedAt: instant,
      schemaVersion: z.int(),
      conflicts: z.exactOptional(z.array(z.string())).describe('Fields on which people disagree'),
    })
    .describe('A registry document: its fields, and what is known of it'),
);

export const registryListSchema = z.object({ items: z.array(registryViewSchema) });

const conflictingValueSchema = z.object({
  rev: z.string().describe('Names the version it belongs to'),
  value: z.exactOptional(z.unknown()).describe('Absent where the edit removed the field'),
  author: z.string(),
  at: instant,
});

export const conflictSchema = describing<Conflict>()(
  z.object({
    _id: z.string(),
    type: z.enum(REGISTRY_TYPES),
    id: nameSchema,
    winner: z.string().describe('The revision that shows until it is settled; `keep` takes it too'),
    fields: z
      .record(z.string(), z.array(conflictingValueSchema))
      .describe('By field; `_deleted` stands for a deletion against an edit'),
    versions: z.array(
      z.object({
        rev: z.string().describe('What `keep` names'),
        author: z.string(),
        at: instant,
        deleted: z.boolean(),
        doc: z.exactOptional(z.record(z.string(), z.unknown())).describe('Absent for a deletion'),
      }),
    ),
  }),
);

export const traceSchema = describing<TraceView>()(
  z.object({
    _id: z.string(),
    of: z.string().describe("The document's `<type>:<id>`"),
    kind: z.enum(['edit', 'deletion', 'merge', 'settlement']),
    authors: z.array(z.string()),
    at: instant,
    changes: z
      .record(z.string(), z.object({ from: z.exactOptional(z.unknown()), to: z.exactOptional(z.unknown()) }))
      .describe('By field; `from` or `to` is absent where there was, or is, nothing'),
    conflicts: z.exactOptional(z.array(z.string())).describe('Of a merge: what it left to a person'),
  }),
);

export const tracePageSchema = z.object({
  items: z.array(traceSchema),
  next: z.exactOptional(z.string()).describe('The `before` of the page behind this one; absent at the end'),
});

export const deletedSchema = z.object({ _id: z.string(), deleted: z.literal(true) });

/** Schemas that have the same name in both documents. */
export const COMMON_ANSWERS = {
  Error: errorSchema,
  TelemetryDocument: telemetryDocumentSchema,
  TelemetryPage: telemetryPageSchema,
  RegistryDocument: registryViewSchema,
  RegistryList: registryListSchema,
  Conflict: conflictSchema,
  Trace: traceSchema,
  TracePage: tracePageSchema,
} as const;
