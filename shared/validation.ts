/**
 * Says what a schema found wrong in sentences for people, each a completion of "<path> …".
 *
 * Invariant: no wording of the schema library gets out. Messages of our own schemas go on after a field's name and so
 * begin in lower case; the library's begin with a capital, which is how the two are told apart.
 */
import type { z } from 'zod';
import { AppError, type ErrorDetail } from './app-error.js';

export interface ProblemOptions {
  /** The values are query parameters: a list then means that one was given more than once. */
  isQuery?: boolean;
}

type Issue = z.core.$ZodIssue;

/** More problems than this are only counted in a sentence; the details have them all. */
const MAX_IN_SENTENCE = 10;
/** Names come from outside and can be of any length. */
const MAX_NAME_LENGTH = 128;

const TYPE_NAMES: Partial<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'a boolean',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

/** The parameters of a query. Throws `invalid_request` that names those that are wrong. */
export function parseParameters<Schema extends z.ZodType>(schema: Schema, parameters: unknown): z.output<Schema> {
  const parsed = schema.safeParse(parameters);
  if (parsed.success) return parsed.data;
  const details = problemsOf(parsed.error, { isQuery: true });
  throw new AppError('invalid_request', `the parameter ${sentenceOf(details)}`, { details });
}

/** What somebody sent; `whole` names it. Throws `invalid_request` that names the fields that are wrong. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
  whole = 'the body',
): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const details = problemsOf(parsed.error);
  throw new AppError('invalid_request', sentenceOf(details, whole), { details });
}

/** What is wrong, field by field; `path` is joined by dots and absent where the value as a whole is meant. */
export function problemsOf(error: z.ZodError, options: ProblemOptions = {}): ErrorDetail[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => detail([...issue.path, key], 'is not known here'));
    }
    return [detail(issue.path, messageOf(issue, options))];
  });
}

/** The problems as one sentence; `whole` names the value for those that have no path. */
export function sentenceOf(details: readonly ErrorDetail[], whole?: string): string {
  const parts = details.slice(0, MAX_IN_SENTENCE).map(({ path, message }) => {
    const subject = path ?? whole;
    return subject === undefined ? message : `${subject} ${message}`;
  });
  if (details.length > MAX_IN_SENTENCE) parts.push(`and ${details.length - MAX_IN_SENTENCE} more`);
  return parts.join('; ');
}

function detail(path: readonly PropertyKey[], message: string): ErrorDetail {
  if (path.length === 0) return { message };
  const name = path.map(String).join('.');
  return { path: name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name, message };
}

function messageOf(issue: Issue, options: ProblemOptions): string {
  if (!/^[A-Z]/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return typeMessage(issue, options);
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return boundMessage(issue, issue.minimum, 'least', 'more than');
    case 'too_big':
      return boundMessage(issue, issue.maximum, 'most', 'less than');
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    default:
      return 'is not valid';
  }
}

function typeMessage(issue: z.core.$ZodIssueInvalidType, { isQuery = false }: ProblemOptions): string {
  const wanted = TYPE_NAMES[issue.expected];
  if (issue.path.length === 0 && wanted === TYPE_NAMES.object) return 'is not a JSON object';
  // The library tells what it got nowhere else: values themselves are not in its issues.
  const got = /received (\w+)$/.exec(issue.message)?.[1];
  if (got === 'undefined') return 'is missing';
  if (isQuery && got === 'array' && issue.expected === 'string') return 'must be given once';
  return wanted === undefined ? 'is not valid' : `must be ${wanted}`;
}

const UNITS: Partial<Record<string, string>> = { string: 'character', array: 'item', set: 'item', map: 'item' };

function boundMessage(
  { origin, inclusive, exact }: { origin: string; inclusive?: boolean; exact?: boolean },
  bound: number | bigint,
  inclusiveWord: 'least' | 'most',
  exclusiveWord: string,
): string {
  const unit = UNITS[origin];
  const limit = exact ? bound : inclusive === false ? `${exclusiveWord} ${bound}` : `at ${inclusiveWord} ${bound}`;
  return unit === undefined ? `must be ${limit}` : `must have ${limit} ${unit}${Number(bound) === 1 ? '' : 's'}`;
}
