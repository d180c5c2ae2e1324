/**
 * What may stand in a registry document: one schema for each type, the same on both sides. Fields that are not named here
 * are kept as they are: a newer program may have written them.
 *
 * A tariff whose time has come is history: bills were made with it. It is not edited and not deleted; a new one is added.
 */
import { z } from 'zod';
import { AppError } from '../app-error.js';
import { nameSchema } from '../documents.js';
import { parseInstant } from '../time.js';
import { parseBody, problemsOf, sentenceOf } from '../validation.js';
import { sameValue } from './canonical-json.js';
import { own } from './own-field.js';
import type { RegistryType } from './registry-view.js';
import { faultOf } from './value-check.js';

export const REGISTRY_LIMITS = {
  documentBytes: 16 * 1024,
  fields: 64,
  nameLength: 64,
  /** With its history and whatever stands against it: an edit that would make more of it is refused. */
  editedBytes: 64 * 1024,
  /** Beyond it the gateway takes no document: two that could be edited, joined. */
  storedBytes: 192 * 1024,
} as const;

/** What an answer has beside the fields: passed over where it is sent back. */
const ANSWERED: ReadonlySet<string> = new Set([
  ...['_id', '_rev', 'type', 'id', 'author', 'editedAt', 'schemaVersion', 'conflicts', 'edits'],
]);
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const TARIFF_PRICE = ['currency', 'pricePerKwh', 'bands', 'validFrom'] as const;

const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((value) => value.isWellFormed(), 'must be a text of whole Unicode characters');
const money = z.number().min(0).max(1e9);

/** Hours of the day in the village's own time, as a number (18, 18.5) or as a time of day (`18:30`). */
const hourOfDay = z.union([z.number().min(0).max(24), z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/)], {
  error: 'must be an hour from 0 to 24, or a time of day such as 18:30',
});

/** A date alone is its beginning in UTC. */
const pointInTime = text(40).refine(
  (value) => instantOf(value) !== undefined,
  'must be a date, or an RFC 3339 date-time with an offset, such as 2026-03-01T12:00:00Z',
);

/** By type. */
export const REGISTRY_SCHEMAS = {
  device: z.looseObject({
    model: text(200),
    serial: text(200),
    role: z.enum(['customer', 'totalizer', 'inverter', 'battery', 'other']),
    phase: z.union([text(16), z.number().int().min(1).max(3)], { error: 'must be a text or 1, 2 or 3' }).optional(),
    installedAt: pointInTime.optional(),
    replacedBy: nameSchema.optional(),
  }),
  tariff: z.looseObject({
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be three capital letters, such as XAF (ISO 4217)'),
    pricePerKwh: money,
    bands: z
      .array(z.looseObject({ from: hourOfDay, to: hourOfDay, pricePerKwh: money }))
      .max(48)
      .optional(),
    validFrom: pointInTime,
  }),
  threshold: z
    .looseObject({
      device: nameSchema.optional(),
      field: z.string().regex(/^[a-z][A-Za-z0-9]{0,63}$/, 'must be the name of a measurement'),
      low: z.number().optional(),
      high: z.number().optional(),
      forS: z.number().min(0).max(604_800).optional(),
    })
    .superRefine(({ low, high }, context) => {
      const problem = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      if (low === undefined && high === undefined) problem('high', 'is missing, and so is low: one of them is needed');
      else if (low !== undefined && high !== undefined && low >= high) problem('low', 'must be less than high');
    }),
  profile: z.looseObject({
    name: text(200),
    place: text(200).optional(),
    lat: z.number().min(-90).max(90).optional(),
    lon: z.number().min(-180).max(180).optional(),
    pvKwp: z.number().min(0).max(1e6).optional(),
    batteryKwh: z.number().min(0).max(1e6).optional(),
    contact: z.union([text(500), z.looseObject({})], { error: 'must be a text or an object' }).optional(),
  }),
} as const satisfies Record<RegistryType, z.ZodType>;

/** A document as somebody sent it. Not `z.record`, which would leave out a field `__proto__` instead of refusing it. */
export const givenDocument = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a JSON object',
);

export const REGISTRY_TYPES = Object.keys(REGISTRY_SCHEMAS) as RegistryType[];

function isRegistryType(type: string): type is RegistryType {
  return Object.hasOwn(REGISTRY_SCHEMAS, type);
}

/** Throws `not_found` for a type there is not. */
export function registryTypeOf(type: string): RegistryType {
  if (isRegistryType(type)) return type;
  const known = REGISTRY_TYPES.join(', ');
  throw new AppError('not_found', `the registry has no documents of the type ${shortened(type)}: it has ${known}`);
}

/** `<type>:<id>`. Throws `not_found` for a type there is not, and `invalid_request` for an id that cannot be. */
export function registryId(type: string, id: string): string {
  registryTypeOf(type);
  const parsed = nameSchema.safeParse(id);
  if (!parsed.success)
    throw new AppError('invalid_request', sentenceOf(problemsOf(parsed.error), `the id of a ${type}`));
  return `${type}:${id}`;
}

/**
 * The fields of a document somebody sent; what an answer adds to them is passed over. Throws `invalid_request` with the
 * problem of each field.
 */
export function fieldsOf(type: RegistryType, body: unknown): Record<string, unknown> {
  const object = givenDocument.safeParse(body);
  if (!object.success) throw new AppError('invalid_request', `a ${type} is a JSON object`);
  const fields = Object.fromEntries(Object.entries(object.data).filter(([name]) => !ANSWERED.has(name)));
  for (const name of Object.keys(fields)) {
    if (FIELD_NAME.test(name)) continue;
    const message = 'is not a name for a field: a letter followed by up to 63 letters, digits or "_"';
    throw new AppError('invalid_request', `${shortened(name)} ${message}`, {
      details: [{ path: shortened(name), message }],
    });
  }
  const fault = faultOf(fields);
  if (fault !== undefined) throw new AppError('invalid_request', `the ${type} ${fault}`);
  parseBody(REGISTRY_SCHEMAS[type], fields, `the ${type}`);
  return fields;
}

/** Throws `conflict` where a tariff that is or was valid would change its price, or go; `after` is absent then. */
export function assertHistoryStays(
  type: string,
  id: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>> | undefined,
  nowMs: number,
): void {
  if (type !== 'tariff') return;
  const validFromMs = instantOf(before.validFrom);
  if (validFromMs === undefined || validFromMs > nowMs) return;
  if (after && TARIFF_PRICE.every((name) => sameValue(own(before, name), own(after, name)))) return;
  throw new AppError(
    'conflict',
    `the tariff ${id} has been valid since ${before.validFrom}: bills were made with it. Add a new tariff instead`,
  );
}

function instantOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  return parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(value) ? `${value}T00:00:00Z` : value);
}

/**
 * Throws `invalid_request` for more fields, and `too_large` for more bytes than a document may have, or has already: joined
 * from two it may have more than anybody gave it, and can be edited all the same.
 */
export function assertSize(type: string, before: object, fields: object): void {
  const names = Object.keys(fields).length;
  if (names > Math.max(REGISTRY_LIMITS.fields, Object.keys(before).length)) {
    throw new AppError('invalid_request', `a ${type} has at most ${REGISTRY_LIMITS.fields} fields, not ${names}`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(fields));
  if (bytes > Math.max(REGISTRY_LIMITS.documentBytes, Buffer.byteLength(JSON.stringify(before)))) {
    throw new AppError('too_large', `a ${type} has at most ${REGISTRY_LIMITS.documentBytes} bytes, not ${bytes}`);
  }
}

/** Throws `too_large` where what is stored would be more than can be sent. */
export function assertSendable(name: string, stored: object): void {
  const bytes = Buffer.byteLength(JSON.stringify(stored));
  if (bytes <= REGISTRY_LIMITS.editedBytes) return;
  const message = `${name} with its history would have ${bytes} bytes, more than ${REGISTRY_LIMITS.editedBytes}`;
  throw new AppError('too_large', `${message}: settle its conflict first`);
}

function shortened(name: string): string {
  return name.length > REGISTRY_LIMITS.nameLength ? `${name.slice(0, REGISTRY_LIMITS.nameLength)}…` : name;
}
