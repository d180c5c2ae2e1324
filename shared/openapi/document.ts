/** Builds a program's OpenAPI 3.1 document from its operations. */
import type { z } from 'zod';
import { AppError, type ErrorCode, shownCode } from '../app-error.js';
import { version } from '../version.js';
import { type Answer, type Content, type Example, FORM_TYPE, JSON_TYPE, type Operation } from './operation.js';
import { type JsonObject, SchemaBook } from './schema-book.js';

export interface Access {
  security: readonly Readonly<Record<string, readonly string[]>>[];
  /** Who it is for; told in the description. */
  who?: string;
  /** What every operation of this access may fail with. */
  errors: readonly ErrorCode[];
  /** The body of its errors. */
  errorSchema: z.ZodType;
  /** True where the name of an error is not the code. */
  hasOtherCodes?: boolean;
}

export interface PathParameter {
  schema: z.ZodType;
  description: string;
  example: string;
}

export interface DocumentSource {
  title: string;
  description: string;
  securitySchemes: Readonly<Record<string, JsonObject>>;
  /** By name, as operations name it. */
  access: Readonly<Record<string, Access>>;
  tags: Readonly<Record<string, string>>;
  /** By name, as paths name them. */
  pathParameters: Readonly<Record<string, PathParameter>>;
  /** Schemas that have a name in the document. */
  named: Readonly<Record<string, z.ZodType>>;
  operations: readonly Operation[];
}

export function openApiDocument(source: DocumentSource): JsonObject {
  const book = new SchemaBook(source.named);
  const paths: Record<string, JsonObject> = {};
  for (const operation of source.operations) {
    const path = templateOf(operation.path);
    paths[path] = { ...paths[path], [operation.method]: operationObject(operation, source, book) };
  }
  return {
    openapi: '3.1.0',
    info: { title: source.title, version, description: source.description, license: LICENSE },
    servers: [{ url: '/' }],
    tags: Object.entries(source.tags).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: book.components(), securitySchemes: source.securitySchemes },
  };
}

const LICENSE = { name: 'Apache-2.0', identifier: 'Apache-2.0' };

/** `/v1/registry/:type/:id` as OpenAPI writes it. */
export function templateOf(path: string): string {
  return path.replace(/[:*]([A-Za-z]+)/g, '{$1}');
}

function operationObject(operation: Operation, source: DocumentSource, book: SchemaBook): JsonObject {
  const access = source.access[operation.access];
  if (!access)
    throw new AppError('internal', `the operation ${operation.id} has the unknown access ${operation.access}`);
  const { id: operationId, tag, summary, description, body, isBodyOptional } = operation;
  const parameters = parametersOf(operation, source, book);
  const told = [description, access.who].filter((part) => part !== undefined).join('\n\n');
  return {
    ...{ operationId, tags: [tag], summary },
    ...(told === '' ? {} : { description: told }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body ? { requestBody: { required: isBodyOptional !== true, content: requestContent(operation, book) } } : {}),
    responses: { ...answersOf(operation, book), ...errorsOf(operation, access, book) },
    security: access.security,
  };
}

function parametersOf(operation: Operation, { pathParameters }: DocumentSource, book: SchemaBook): JsonObject[] {
  const names = [...operation.path.matchAll(/[:*]([A-Za-z]+)/g)].map(([, name = '']) => name);
  const inPath = names.map((name) => {
    const parameter = pathParameters[name];
    if (!parameter) throw new AppError('internal', `the path parameter ${name} is not described`);
    const { schema, description, example: usual } = parameter;
    const example = operation.pathExamples?.[name] ?? usual;
    return { name, in: 'path', required: true, description, schema: book.use(schema), example };
  });
  const inQuery = Object.entries(operation.query?.shape ?? {}).map(([name, field]) => {
    const schema = field as z.ZodType;
    const required = schema.isOptional() ? {} : { required: true };
    const { description } = schema;
    const told = description === undefined ? {} : { description };
    return { name, in: 'query', ...required, ...told, schema: book.use(schema), ...parts(operation, 'query', name) };
  });
  const inHeaders = Object.entries(operation.headers ?? {}).map(([name, { schema, description }]) => ({
    ...{ name, in: 'header', description, schema: book.use(schema) },
    ...parts(operation, 'headers', name),
  }));
  return [...inPath, ...inQuery, ...inHeaders];
}

/** What the examples say of one parameter. */
function parts({ examples = {} }: Operation, kind: 'query' | 'headers', name: string): JsonObject {
  const found = Object.entries(examples).flatMap(([example, one]) => {
    const value = one[kind]?.[name];
    return value === undefined ? [] : [[example, { value }] as const];
  });
  return found.length === 0 ? {} : { examples: Object.fromEntries(found) };
}

function requestContent(operation: Operation, book: SchemaBook): JsonObject {
  const { body = [] } = operation;
  const [first] = body;
  return contentObject(body, book, (type) =>
    examplesWhere(operation, ({ body: value, type: given = first?.type }) =>
      value === undefined || given !== type ? undefined : value,
    ),
  );
}

function answersOf(operation: Operation, book: SchemaBook): Record<string, JsonObject> {
  const [usual] = operation.answers;
  const answers = operation.answers.map(([status, answer]): [string, JsonObject] => {
    const { description, content, headers } = answer;
    const valueIn = (type: string) => (one: Example) => {
      const isHere = (one.status ?? usual?.[0]) === status && (one.answerType ?? firstType(answer)) === type;
      return isHere ? one.answer : undefined;
    };
    const shown = (type: string) => examplesWhere(operation, valueIn(type));
    return [
      String(status),
      {
        description,
        ...(headers ? { headers: headersObject(headers) } : {}),
        ...(content ? { content: contentObject(content, book, shown) } : {}),
      },
    ];
  });
  return Object.fromEntries(answers);
}

function firstType({ content }: Answer): string | undefined {
  return content?.[0]?.type;
}

function examplesWhere({ examples = {} }: Operation, partOf: (one: Example) => unknown): JsonObject {
  const found = Object.entries(examples).flatMap(([name, one]) => {
    const value = partOf(one);
    return value === undefined ? [] : [[name, { value }] as const];
  });
  return Object.fromEntries(found);
}

function contentObject(content: readonly Content[], book: SchemaBook, shown: (type: string) => JsonObject): JsonObject {
  const entries = content.map(({ type, schema }): [string, JsonObject] => {
    const examples = shown(type);
    // OpenAPI 3.1 has no word for the schema of a line.
    const used = type === JSON_TYPE || type === FORM_TYPE ? { schema: book.use(schema) } : textOf(schema, book);
    return [type, { ...used, ...(Object.keys(examples).length === 0 ? {} : { examples }) }];
  });
  return Object.fromEntries(entries);
}

function textOf(schema: z.ZodType, book: SchemaBook): JsonObject {
  const isPlain = schema.type === 'string';
  return { schema: { type: 'string' }, ...(isPlain ? {} : { 'x-line-schema': book.use(schema) }) };
}

function headersObject(headers: Readonly<Record<string, string>>): JsonObject {
  const entries = Object.entries(headers).map(
    ([name, description]) => [name, { description, schema: { type: 'string' } }] as const,
  );
  return Object.fromEntries(entries);
}

/** The errors of an operation by their status; one that is answered as something else too is left to that. */
function errorsOf(operation: Operation, access: Access, book: SchemaBook): Record<string, JsonObject> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...(operation.errors ?? []), ...access.errors])) {
    const { status } = new AppError(code, '');
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  for (const [status] of operation.answers) byStatus.delete(status);
  const content = (status?: number) => {
    const examples = examplesWhere(operation, (one) => (one.status === status ? one.answer : undefined));
    const shown = status === undefined || Object.keys(examples).length === 0 ? {} : { examples };
    return { [JSON_TYPE]: { schema: book.use(access.errorSchema), ...shown } };
  };
  const entries = [...byStatus].map(([status, codes]): [string, JsonObject] => {
    const named = codes.map((code) => `\`${shownCode(code)}\``).join(', ');
    const description = access.hasOtherCodes
      ? (MEANINGS[status] ?? named)
      : `${MEANINGS[status] ?? 'Not done'}: ${named}`;
    return [String(status), { description, content: content(status) }];
  });
  return Object.fromEntries([...entries, ['default', { description: 'Any other failure', content: content() }]]);
}

const MEANINGS: Partial<Record<number, string>> = {
  400: 'Something in the request is wrong',
  401: 'No login, or a wrong one',
  403: 'Not for this login',
  404: 'There is none',
  409: 'It stands against what is there',
  412: 'The revision named is not the present one',
  413: 'Larger than is allowed',
  415: 'Another media type, charset or encoding than is understood',
  428: 'The revision that is meant must be named',
  429: 'Too many; `Retry-After` says when to ask again',
  501: 'This centre cannot',
  502: 'The centre could not be reached, or refused',
  503: 'Not now; `Retry-After` says when to ask again',
  507: 'There is no room',
};
