/**
 * What of a CouchDB query is passed on: parameters by name, each given once and of its kind, and a `_find` of bounded size
 * and depth. What they mean is CouchDB's to judge.
 */
import type { Request } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';

type Kind = 'json' | 'text' | 'flag' | 'count' | 'update';

const KIND_WANTED: Record<Kind, string> = {
  json: 'must be JSON, such as "text" with its quotes',
  text: 'must be a text of at most 1024 characters',
  flag: 'must be true or false',
  count: 'must be a whole number',
  update: 'must be true, false or lazy',
};

const DOCUMENTS: Readonly<Record<string, Kind>> = {
  ...{ key: 'json', keys: 'json', startkey: 'json', start_key: 'json', endkey: 'json', end_key: 'json' },
  ...{ descending: 'flag', inclusive_end: 'flag', include_docs: 'flag', conflicts: 'flag', update_seq: 'flag' },
  ...{ limit: 'count', skip: 'count' },
};

const VIEW: Readonly<Record<string, Kind>> = {
  ...DOCUMENTS,
  ...{ startkey_docid: 'text', start_key_doc_id: 'text', endkey_docid: 'text', end_key_doc_id: 'text' },
  ...{ reduce: 'flag', group: 'flag', group_level: 'count' },
  ...{ sorted: 'flag', stable: 'flag', update: 'update' },
};

const ALLOWED = { documents: DOCUMENTS, view: VIEW, none: {} } as const;

/** The same parameters as a schema: what they may be. */
export function parametersSchema(what: keyof typeof ALLOWED): z.ZodObject {
  const kinds: Readonly<Record<string, Kind>> = ALLOWED[what];
  const shape = Object.entries(kinds).map(([name, kind]) => {
    const schema = z.string().refine((value) => isOfKind(kind, value), KIND_WANTED[kind]);
    return [name, schema.optional().describe(KIND_WANTED[kind].replace('must be', 'Is'))] as const;
  });
  return z.strictObject(Object.fromEntries(shape));
}

/** The parameters to pass on. Throws `invalid_request` naming the first that is unknown, repeated or of another kind. */
export function checkParameters(query: Request['query'], what: keyof typeof ALLOWED): URLSearchParams {
  const kinds: Readonly<Record<string, Kind>> = ALLOWED[what];
  const checked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    const shown = JSON.stringify(name.slice(0, 64));
    if (kind === undefined) throw new AppError('invalid_request', `the parameter ${shown} is not known here`);
    if (typeof value !== 'string') throw new AppError('invalid_request', `the parameter ${shown} must be given once`);
    if (!isOfKind(kind, value)) throw new AppError('invalid_request', `the parameter ${shown} ${KIND_WANTED[kind]}`);
    checked.set(name, value);
  }
  return checked;
}

const MAX_TEXT_LENGTH = 1024;

function isOfKind(kind: Kind, value: string): boolean {
  if (kind === 'flag') return value === 'true' || value === 'false';
  if (kind === 'count') return /^\d{1,9}$/.test(value);
  if (kind === 'update') return ['true', 'false', 'lazy'].includes(value);
  if (kind === 'text') return value.length <= MAX_TEXT_LENGTH && value.isWellFormed();
  try {
    return value.isWellFormed() && !isTooMuch(JSON.parse(value));
  } catch {
    return false;
  }
}

/** Bytes of a `_find`'s body, decompressed. */
export const MAX_FIND_BYTES = 64 * 1024;
const MAX_DEPTH = 16;
const MAX_VALUES = 2000;
const MAX_PATTERN_LENGTH = 256;

const any = z.unknown().optional();

/** What they mean is CouchDB's to judge; others than these are refused. */
export const findSchema = z.object({
  selector: z.unknown().refine((selector) => selector !== undefined),
  ...{ limit: any, skip: any, sort: any, fields: any, use_index: any, allow_fallback: any, conflicts: any, r: any },
  ...{ bookmark: any, update: any, stable: any, execution_stats: any },
});

/** The body to pass on. Throws `invalid_request`. */
export function checkFindBody(body: unknown): object {
  if (!findSchema.safeParse(body).success)
    throw new AppError('invalid_request', 'the body must be an object with a selector');
  const asked = body as object;
  const unknown = Object.keys(asked).find((name) => !Object.hasOwn(findSchema.shape, name));
  if (unknown !== undefined) {
    throw new AppError('invalid_request', `${JSON.stringify(unknown.slice(0, 64))} is not known in a query`);
  }
  if (isTooMuch(asked)) {
    throw new AppError(
      'invalid_request',
      `a query may be nested ${MAX_DEPTH} deep, have ${MAX_VALUES} values, and patterns of ${MAX_PATTERN_LENGTH} characters`,
    );
  }
  return asked;
}

/** Level by level, without recursion: what was sent may be nested deeper than the stack is. */
function isTooMuch(value: unknown): boolean {
  let level: unknown[] = [value];
  let values = 0;
  for (let depth = 0; level.length > 0; depth++) {
    values += level.length;
    if (depth > MAX_DEPTH || values > MAX_VALUES) return true;
    const below: unknown[] = [];
    for (const one of level) {
      if (typeof one === 'string' && !one.isWellFormed()) return true;
      if (typeof one !== 'object' || one === null) continue;
      for (const [name, inner] of Object.entries(one)) {
        if (name === '$regex' && typeof inner === 'string' && inner.length > MAX_PATTERN_LENGTH) return true;
        below.push(inner);
      }
    }
    level = below;
  }
  return false;
}
