/**
 * An operation of a program's API as it is written down: what may be asked with which schemas, and what is answered. The
 * schemas of requests are the very ones that the routes validate with.
 */
import type { z } from 'zod';
import type { ErrorCode } from '../app-error.js';

export const JSON_TYPE = 'application/json';
export const FORM_TYPE = 'application/x-www-form-urlencoded';
export const NDJSON_TYPE = 'application/x-ndjson';

/** A body in one media type; of NDJSON and the like `schema` is that of each line. */
export interface Content {
  type: string;
  schema: z.ZodType;
}

export interface Answer {
  description: string;
  content?: readonly Content[];
  /** By name, what it says. */
  headers?: Readonly<Record<string, string>>;
}

/** A request that can be sent as it stands, with what is answered to it. */
export interface Example {
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is, anything else as JSON. */
  body?: unknown;
  /** Of the body; the first of the operation without. */
  type?: string;
  /** The first of the answers without. */
  status?: number;
  /** An answer's body, where it is worth showing. */
  answer?: unknown;
  /** Of the answer; the first of that status without. */
  answerType?: string;
}

export interface HeaderParameter {
  schema: z.ZodType;
  description: string;
}

export interface Operation {
  /** Unique in its document. */
  id: string;
  method: 'get' | 'post' | 'put' | 'delete';
  /** As the router has it: `/v1/registry/:type/:id`. */
  path: string;
  tag: string;
  /** One line without a full stop. */
  summary: string;
  description?: string;
  /** One of the document's; `open` needs no login. */
  access: string;
  /** One for each parameter; unknown ones are refused where there is one. */
  query?: z.ZodObject;
  headers?: Readonly<Record<string, HeaderParameter>>;
  body?: readonly Content[];
  /** True where the body may be left out. */
  isBodyOptional?: boolean;
  /** By status, the most usual one first in the list. */
  answers: readonly (readonly [status: number, answer: Answer])[];
  /** Failures to reckon with, besides those every operation with a login has. */
  errors?: readonly ErrorCode[];
  /** By name. Names are the same wherever parts of one request stand. */
  examples?: Readonly<Record<string, Example>>;
  /** What stands for the path's parameters in the examples, where it is not what is usual. */
  pathExamples?: Readonly<Record<string, string>>;
}

/** A JSON body. */
export function json(schema: z.ZodType): readonly Content[] {
  return [{ type: JSON_TYPE, schema }];
}

/** Lines of JSON, each of the schema. */
export function lines(schema: z.ZodType): readonly Content[] {
  return [{ type: NDJSON_TYPE, schema }];
}
