/**
 * Telemetry documents: what a sender may give, what the node adds, and how ids are made and read.
 *
 * Ids begin with the village (one village is one CouchDB partition) and end with the time, so that the time range of
 * one series is one key range: `<village>:r:<device>:<at>`, `<village>:p:<model>:<device or ->:<for or at>:<at>`,
 * `<village>:e:<node>:<boot>-<n>` for the node's own events.
 */
import { z } from 'zod';
import { formatInstant, isCanonicalInstant, parseInstant } from './time.js';

export const LIMITS = {
  measurements: 64,
  measurementTextLength: 256,
  documentBytes: 16 * 1024,
  requestBytes: 8 * 1024 * 1024,
  requestDocuments: 20_000,
} as const;

export type TelemetryType = 'reading' | 'prediction' | 'event';
/** The kinds a sender may post. */
export type PostedType = Exclude<TelemetryType, 'event'>;

/** Letter that stands for the type in an id. */
export const TYPE_LETTER = { reading: 'r', prediction: 'p', event: 'e' } as const satisfies Record<
  TelemetryType,
  string
>;

/** Names only the node may set. */
export const OWNED_NAMES: ReadonlySet<string> = new Set(['type', 'village', 'node', 'seq', 'boot', 'clock']);

export type Measurement = number | boolean | string;

/** A telemetry document as it is stored and replicated. */
export interface TelemetryDocument {
  _id: string;
  _rev: string;
  type: TelemetryType;
  village: string;
  /** Short random name of the store that took the document. */
  node: string;
  /** Contiguous number within `node`, from 1. */
  seq: number;
  /** How often that store had been opened for writing. */
  boot: number;
  /** Present when the node could not trust its clock. */
  clock?: 'unsure';
  at: string;
  [field: string]: unknown;
}

/** What a sender posted, checked and with times in canonical form; `at` is absent when the node is to take now. */
export interface PostedDocument {
  type: PostedType;
  fields: {
    device?: string | undefined;
    model?: string | undefined;
    at?: string | undefined;
    for?: string | undefined;
    [measurement: string]: Measurement | undefined;
  };
}

const VILLAGE_ID = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const NAME = /^[A-Za-z0-9._-]{1,64}$/;
const MEASUREMENT_NAME = /^[a-z][A-Za-z0-9]{0,63}$/;

/** A village's id in its canonical, lower-case form. */
export const villageIdSchema = z
  .string()
  .regex(VILLAGE_ID, 'must be a letter followed by up to 62 letters, digits, "_" or "-"')
  .transform((id) => id.toLowerCase());

/** Name of a device or a model. */
export const nameSchema = z.string().regex(NAME, 'must be 1 to 64 letters, digits, ".", "_" or "-"');

/** RFC 3339 in any offset; kept as UTC with milliseconds. */
export const instantSchema = z
  .string()
  .transform((text, context) => {
    if (isCanonicalInstant(text)) return text;
    const ms = parseInstant(text);
    if (ms !== undefined) return formatInstant(ms);
    context.addIssue({
      code: 'custom',
      message: 'must be an RFC 3339 date-time with an offset, such as 2026-03-01T12:00:00Z',
    });
    return z.NEVER;
  })
  .meta({ format: 'date-time' });

const MAX_TEXT_LENGTH = LIMITS.measurementTextLength;
const MEASUREMENT_WANTED = `must be a finite number, a boolean or a text of at most ${MAX_TEXT_LENGTH} characters`;

/** One check instead of a union of three schemas, which takes most of the time of a reading's validation. */
const measurementSchema = z
  .custom<Measurement>(isMeasurement, {
    error: ({ input }) => (isBrokenText(input) ? 'must be a text of whole Unicode characters' : MEASUREMENT_WANTED),
  })
  .meta({ anyOf: [{ type: 'number' }, { type: 'boolean' }, { type: 'string', maxLength: MAX_TEXT_LENGTH }] });

function isMeasurement(value: unknown): value is Measurement {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'string') return value.length <= MAX_TEXT_LENGTH && value.isWellFormed();
  return typeof value === 'boolean';
}

/** A lone surrogate is not Unicode: it changes on its way to the centre or makes CouchDB refuse the whole request. */
function isBrokenText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH && !value.isWellFormed();
}

const FIXED_FIELDS = { reading: ['device', 'at'], prediction: ['model', 'device', 'at', 'for'] } as const;

/** A reading as a sender may post it: `{device, at?, …measurements}`. */
export const readingSchema = z
  .object({ device: nameSchema, at: instantSchema.optional() })
  .catchall(measurementSchema)
  .superRefine((document, context) => checkMeasurements(document, FIXED_FIELDS.reading, context))
  .meta(asJsonSchema(FIXED_FIELDS.reading));

/** A prediction as a sender may post it: `{model, device?, at?, for?, …outputs}`. */
export const predictionSchema = z
  .object({
    model: nameSchema,
    device: nameSchema.optional(),
    at: instantSchema.optional(),
    for: instantSchema.optional(),
  })
  .catchall(measurementSchema)
  .superRefine((document, context) => checkMeasurements(document, FIXED_FIELDS.prediction, context))
  .meta(asJsonSchema(FIXED_FIELDS.prediction));

/** What `checkMeasurements` checks, as far as JSON Schema can say it: it sees no difference to the fixed fields. */
function asJsonSchema(fixed: readonly string[]): Record<string, unknown> {
  return {
    propertyNames: { pattern: MEASUREMENT_NAME.source, not: { enum: [...OWNED_NAMES] } },
    // The first of the fixed ones is required.
    minProperties: 2,
    maxProperties: fixed.length + LIMITS.measurements,
  };
}

export const POSTED_SCHEMAS = { reading: readingSchema, prediction: predictionSchema } as const;

function checkMeasurements(document: object, fixed: readonly string[], context: z.RefinementCtx): void {
  let count = 0;
  for (const name of Object.keys(document)) {
    if (fixed.includes(name)) continue;
    count++;
    if (OWNED_NAMES.has(name)) {
      context.addIssue({ code: 'custom', path: [name], message: 'is set by the node and cannot be given' });
    } else if (!MEASUREMENT_NAME.test(name)) {
      context.addIssue({
        code: 'custom',
        path: [name],
        message: 'is not a measurement name: a lower-case letter followed by up to 63 letters or digits',
      });
    }
  }
  if (count === 0)
    context.addIssue({ code: 'custom', path: [], message: 'has no measurement; at least one is needed' });
  if (count > LIMITS.measurements) {
    context.addIssue({
      code: 'custom',
      path: [],
      message: `has ${count} measurements; at most ${LIMITS.measurements} are allowed`,
    });
  }
}

/** Everything before the time in the id of a reading, prediction or event; a series' key range is `prefix` + time. */
export function seriesPrefix(village: string, type: PostedType, fields: PostedDocument['fields']): string {
  return type === 'reading'
    ? `${village}:r:${fields.device}:`
    : `${village}:p:${fields.model}:${fields.device ?? '-'}:`;
}

/** The id of a posted document whose `at` (and `for`) are in canonical form. */
export function telemetryId(village: string, type: PostedType, fields: PostedDocument['fields']): string {
  const prefix = seriesPrefix(village, type, fields);
  return type === 'reading' ? `${prefix}${fields.at}` : `${prefix}${fields.for ?? fields.at}:${fields.at}`;
}

/** The id of the n-th event of a boot: unlike times, never given twice, whatever the clock does. */
export function eventId(village: string, node: string, boot: number, n: number): string {
  return `${village}:e:${node}:${boot}-${n}`;
}

/** Length of a canonical instant, `2026-11-21T22:55:00.000Z`. */
const INSTANT_LENGTH = 24;

/** A telemetry id taken apart; `time` is what lists are ordered by (`for` before `at` in predictions). */
export interface ParsedTelemetryId {
  village: string;
  type: PostedType;
  /** Everything before the time. */
  prefix: string;
  time: string;
}

/** Parts of a reading's or prediction's id, or `undefined` when it is not one. */
export function parseTelemetryId(id: string): ParsedTelemetryId | undefined {
  const [village, letter] = id.split(':', 2);
  if (village === undefined || (letter !== 'r' && letter !== 'p')) return undefined;
  const timeLength = letter === 'r' ? INSTANT_LENGTH : 2 * INSTANT_LENGTH + 1;
  if (id.length <= timeLength) return undefined;
  const prefix = id.slice(0, -timeLength);
  const time = id.slice(-timeLength, id.length - timeLength + INSTANT_LENGTH);
  if (!prefix.endsWith(':')) return undefined;
  return { village, type: letter === 'r' ? 'reading' : 'prediction', prefix, time };
}
