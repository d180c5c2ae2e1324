/** The kinds of values settings have; each message completes a sentence that begins with the setting's name. */
import { z } from 'zod';

/** A whole number within [min, max]. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): z.ZodType<number, string> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  return z
    .string()
    .trim()
    .regex(/^-?\d+$/, `must be a whole number ${range}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number ${range}`);
}

/** A finite number within [min, max], such as `12` or `-0.5`. */
export function decimal(min = -Number.MAX_VALUE, max = Number.MAX_VALUE): z.ZodType<number, string> {
  const wanted = `must be a number${rangeOf(min, max)}`;
  return z
    .string()
    .trim()
    .regex(/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, wanted)
    .transform(Number)
    .refine((value) => Number.isFinite(value) && value >= min && value <= max, wanted);
}

function rangeOf(min: number, max: number): string {
  if (min > -Number.MAX_VALUE && max < Number.MAX_VALUE) return ` from ${min} to ${max}`;
  if (min > -Number.MAX_VALUE) return ` of ${min} or more`;
  return max < Number.MAX_VALUE ? ` of ${max} or less` : '';
}

export function choice<const T extends readonly [string, ...string[]]>(values: T): z.ZodType<T[number], string> {
  const wanted = `must be one of ${values.join(', ')}`;
  return z
    .string()
    .trim()
    .refine((value) => values.includes(value), wanted)
    .transform((value) => value as T[number]);
}

export const flag: z.ZodType<boolean, string> = z
  .string()
  .trim()
  .toLowerCase()
  .refine((value) => ['true', 'false', '1', '0', 'yes', 'no'].includes(value), 'must be true or false')
  .transform((value) => ['true', '1', 'yes'].includes(value));

export const text: z.ZodType<string, string> = z.string().min(1, 'must not be empty');

/** A token, password or user name; what can travel in an HTTP header. */
export const secret: z.ZodType<string, string> = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

/** `http://host:port` or `https://…`: an origin without path or credentials; returned without a trailing slash. */
export const origin: z.ZodType<string, string> = z.string().transform((value, context) => {
  const url = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined;
  const fine =
    url &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.pathname === '/' &&
    !url.username &&
    !url.password &&
    !url.search &&
    !url.hash;
  if (fine) return url.origin;
  context.addIssue({
    code: 'custom',
    message: 'must be an origin such as https://centre.example:8090, without path, user or password',
  });
  return z.NEVER;
});

/** Port 0 asks the system for a free one. */
export const port = integer(0, 65_535);

/** Settings every program has. */
export const LOG_SETTINGS = {
  LOG_LEVEL: {
    schema: choice(['error', 'warn', 'info', 'verbose', 'debug']),
    default: 'info',
    help: 'error, warn, info, verbose or debug',
  },
  LOG_FORMAT: {
    schema: choice(['auto', 'json', 'pretty']),
    default: 'auto',
    help: 'json, pretty, or auto: pretty on a terminal and json elsewhere',
  },
} as const;
