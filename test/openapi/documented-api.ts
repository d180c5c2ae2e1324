/** A program's OpenAPI document as a test uses it: requests made of its examples, answers held against its schemas. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { FORM_TYPE } from '../../shared/openapi/operation.js';
import { parseInstant } from '../../shared/time.js';

type Json = Record<string, unknown>;

interface MediaType {
  schema: Json;
  'x-line-schema'?: Json;
  examples?: Record<string, { value: unknown }>;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  schema: Json;
  example?: string;
  examples?: Record<string, { value: string }>;
}

interface ResponseObject {
  description: string;
  headers?: Json;
  content?: Record<string, MediaType>;
}

export interface DocumentedOperation {
  operationId: string;
  method: string;
  /** As the document has it. */
  path: string;
  summary: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: { required: boolean; content: Record<string, MediaType> };
  responses: Record<string, ResponseObject>;
  security: Json[];
}

export interface DocumentedRequest {
  operation: DocumentedOperation;
  /** Of the example; `plain` where the operation has none. */
  name: string;
  method: string;
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
  /** One of these is the answer's. */
  statuses: number[];
}

export class DocumentedApi {
  readonly document: Json;
  readonly operations: DocumentedOperation[];
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #checks = new Map<Json, ValidateFunction>();

  constructor(document: Json) {
    this.document = document;
    this.#ajv.addFormat('date-time', (text: string) => parseInstant(text) !== undefined);
    // A copy in which objects have no members but those that are named: what is answered beside them is not documented.
    this.#ajv.addSchema(closed(document) as Json, 'api');
    const paths = document.paths as Record<string, Record<string, DocumentedOperation>>;
    this.operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ ...operation, path, method: method.toUpperCase() })),
    );
  }

  operation(id: string): DocumentedOperation {
    const found = this.operations.find(({ operationId }) => operationId === id);
    if (!found) throw new Error(`there is no operation ${id}`);
    return found;
  }

  /** What is wrong with a value; `undefined` for nothing. */
  fault(schema: Json, value: unknown): string | undefined {
    let check = this.#checks.get(schema);
    if (!check) {
      check = this.#ajv.compile(closed(absolute(schema)) as Json);
      this.#checks.set(schema, check);
    }
    return check(value) ? undefined : this.#ajv.errorsText(check.errors);
  }

  /** Of a text that was answered, or stands as an example, as the media type says it is to be read. */
  textFault({ schema, 'x-line-schema': lineSchema }: MediaType, type: string, text: string): string | undefined {
    if (type === 'application/json') return this.fault(schema, JSON.parse(text));
    if (type === FORM_TYPE) return this.fault(schema, Object.fromEntries(new URLSearchParams(text)));
    const lines = lineSchema ? text.split('\n').filter((line) => line.trim() !== '') : [];
    return lines.map((line) => lineSchema && this.fault(lineSchema, JSON.parse(line))).find((one) => one !== undefined);
  }

  /** What is wrong with an answer; `undefined` for nothing. */
  answerFault(
    operation: DocumentedOperation,
    { status, type, text, headers }: { status: number; type: string; text: string; headers: Headers },
  ): string | undefined {
    const response = operation.responses[status];
    if (!response) return `the status ${status} is not documented`;
    const missing = Object.keys(response.headers ?? {}).find((name) => status < 300 && !headers.has(name));
    if (missing !== undefined && !text.includes('"deleted":true')) return `there is no header ${missing}`;
    if (!response.content) return text === '' ? undefined : 'a body is not documented';
    const media = response.content[type];
    return media ? this.textFault(media, type, text) : `the media type ${type} is not documented`;
  }
}

/** Those of an operation's examples, or one without anything that may be left out. */
export function requestsOf(operation: DocumentedOperation): DocumentedRequest[] {
  const { parameters = [], requestBody, responses } = operation;
  const names = new Set([
    // Bodies first: some examples build on what those before them have stored.
    ...Object.values(requestBody?.content ?? {}).flatMap(({ examples = {} }) => Object.keys(examples)),
    ...parameters.flatMap(({ examples = {} }) => Object.keys(examples)),
    ...Object.values(responses).flatMap(({ content = {} }) =>
      Object.values(content).flatMap(({ examples = {} }) => Object.keys(examples)),
    ),
  ]);
  return [...(names.size === 0 ? ['plain'] : names)].map((name) => requestOf(operation, name));
}

function requestOf(operation: DocumentedOperation, name: string): DocumentedRequest {
  const { method, parameters = [], requestBody, responses } = operation;
  let path = operation.path;
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const parameter of parameters) {
    if (parameter.in === 'path')
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(parameter.example ?? ''));
    const value = parameter.examples?.[name]?.value;
    if (value !== undefined && parameter.in === 'query') query.set(parameter.name, value);
    if (value !== undefined && parameter.in === 'header') headers[parameter.name] = value;
  }
  const sent = Object.entries(requestBody?.content ?? {}).find(([, { examples = {} }]) => examples[name]);
  if (sent) headers['Content-Type'] = sent[0];
  const value = sent?.[1].examples?.[name]?.value;
  const text = typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
  const shown = Object.entries(responses).filter(([, { content = {} }]) =>
    Object.values(content).some(({ examples = {} }) => examples[name]),
  );
  const statuses = (shown.length > 0 ? shown : Object.entries(responses)).map(([status]) => Number(status));
  const usual = statuses.filter((status) => shown.length > 0 || (status >= 200 && status < 300));
  return {
    ...{ operation, name, method, headers, body: text },
    path: query.size === 0 ? path : `${path}?${query}`,
    statuses: usual.length > 0 ? usual : statuses.filter((status) => status > 0).slice(0, 1),
  };
}

/** References as they are from outside of the document. */
function absolute(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(absolute);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]) =>
    name === '$ref' && typeof value === 'string' ? [name, `api${value}`] : [name, absolute(value)],
  );
  return Object.fromEntries(entries);
}

function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, closed(value)]));
  const isObject = copy.type === 'object' && copy.properties !== undefined;
  return isObject && copy.additionalProperties === undefined ? { ...copy, additionalProperties: false } : copy;
}
