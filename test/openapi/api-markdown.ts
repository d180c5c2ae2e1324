/** `docs/api.md` from both programs' OpenAPI documents. */
import { edgeOpenApi } from '../../edge/api/openapi.js';
import { centralOpenApi } from '../../server/openapi.js';
import { DocumentedApi, type DocumentedOperation, requestsOf } from './documented-api.js';

type Json = Record<string, unknown>;

const HEAD = `# API

Written by \`npm run docs:api\` from the OpenAPI 3.1 documents that the programs answer at \`/openapi.json\`, which are made from
the schemas that validate requests: edit those, not this file. Every example is sent to the running programs by a test.
Ready clients are in [clients/](clients/).
`;

export function apiMarkdown(): string {
  return `${[HEAD, ...programPart(edgeOpenApi(), 'edge'), ...programPart(centralOpenApi(), 'centre')].join('\n')}\n`;
}

/** `program` keeps the anchors of schemas of the same name apart. */
function programPart(document: Json, program: string): string[] {
  const api = new DocumentedApi(JSON.parse(JSON.stringify(document)) as Json);
  const { title, description } = document.info as { title: string; description: string };
  const tags = document.tags as { name: string; description: string }[];
  const { schemas } = api.document.components as { schemas: Record<string, Json> };
  const writer = new Writer(program);
  return [
    `## ${title}\n\n${description}\n`,
    ...tags.flatMap(({ name, description: what }) => [
      `### ${title}: ${name}\n\n${what}.\n`,
      ...api.operations.filter(({ tags: [tag] }) => tag === name).map((operation) => writer.operation(operation)),
    ]),
    `### ${title}: schemas\n`,
    ...Object.entries(schemas).map(([name, schema]) => writer.schema(name, schema)),
  ];
}

class Writer {
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  operation(operation: DocumentedOperation): string {
    const { method, path, summary, description } = operation;
    return [
      `#### \`${method} ${path}\`\n\n${summary}.\n`,
      ...(description === undefined ? [] : [`${description}\n`]),
      ...this.#parameters(operation),
      ...this.#body(operation),
      ...this.#answers(operation),
      ...exampleOf(operation),
    ].join('\n');
  }

  schema(name: string, schema: Json): string {
    const head = `#### <a id="${this.#anchor(name)}"></a>${name}\n`;
    const told = typeof schema.description === 'string' ? [`${schema.description}.\n`] : [];
    const { properties, required = [] } = schema as { properties?: Record<string, Json>; required?: string[] };
    if (!properties) return [head, ...told, `${this.#type(schema)}\n`].join('\n');
    const rows = Object.entries(properties).map(([field, { description = '', ...type }]) => {
      const name = required.includes(field) ? `\`${field}\`` : `\`${field}\` (optional)`;
      return `| ${name} | ${cell(this.#type(type))} | ${cell(String(description))} |`;
    });
    return [head, ...told, '| field | is | |', '| --- | --- | --- |', ...rows, ''].join('\n');
  }

  #anchor(name: string): string {
    return `${this.#program}-${name.toLowerCase()}`;
  }

  #parameters({ parameters = [] }: DocumentedOperation): string[] {
    if (parameters.length === 0) return [];
    const rows = parameters.map(({ name, in: place, required, description = '', schema }) => {
      const { description: _, ...type } = schema;
      const need = required ? '' : ' (optional)';
      return `| \`${name}\` | ${place}${need} | ${cell(this.#type(type))} | ${cell(description)} |`;
    });
    return ['| parameter | in | is | |', '| --- | --- | --- | --- |', ...rows, ''];
  }

  #body({ requestBody }: DocumentedOperation): string[] {
    if (!requestBody) return [];
    const forms = this.#forms(requestBody.content);
    return [`Body${requestBody.required ? '' : ' (may be left out)'}: ${forms}.\n`];
  }

  #forms(content: NonNullable<DocumentedOperation['requestBody']>['content']): string {
    const forms = Object.entries(content).map(([type, { schema, 'x-line-schema': line }]) => {
      if (type === 'application/json') return this.#type(schema);
      return line ? `\`${type}\`, each line ${this.#type(line)}` : `\`${type}\``;
    });
    return forms.join('; ');
  }

  #answers({ responses }: DocumentedOperation): string[] {
    const lines = Object.entries(responses).flatMap(([status, { description, content = {}, headers = {} }]) => {
      if (status === 'default' || isError(status)) return [];
      const forms = Number(status) < 300 ? this.#forms(content) : '';
      const named = Object.keys(headers).map((name) => `\`${name}\``);
      const told = [description, ...(forms ? [forms] : []), ...(named.length > 0 ? [`with ${named.join(', ')}`] : [])];
      return [`- **${status}** ${told.join(': ')}`];
    });
    const errors = Object.entries(responses).filter(([status]) => isError(status));
    const named = errors.map(([status, { description }]) => `**${status}** ${description.replace(/^[^:]*: /, '')}`);
    return [...lines, ...(named.length === 0 ? [] : [`- Errors: ${named.join('; ')}`]), ''];
  }

  #type(schema: Json): string {
    const { $ref, type, items, enum: values, const: value, properties, additionalProperties, required } = schema;
    const alternatives = (schema.anyOf ?? schema.oneOf) as Json[] | undefined;
    if (typeof $ref === 'string') return this.#link($ref);
    if (alternatives) return alternatives.map((one) => this.#type(one)).join(' or ');
    if (value !== undefined) return `\`${JSON.stringify(value)}\``;
    if (Array.isArray(values)) return values.map((one) => `\`${String(one)}\``).join(', ');
    if (Array.isArray(schema.prefixItems)) return `list of ${schema.prefixItems.length}`;
    if (type === 'array') return `list of ${items ? this.#type(items as Json) : 'anything'}`;
    if (properties) return this.#object(properties as Record<string, Json>, (required ?? []) as string[]);
    if (typeof additionalProperties === 'object' && additionalProperties !== null) {
      const inner =
        Object.keys(additionalProperties).length === 0 ? 'anything' : this.#type(additionalProperties as Json);
      return `object of ${inner}`;
    }
    return simpleType(schema);
  }

  #object(properties: Record<string, Json>, required: readonly string[]): string {
    const fields = Object.entries(properties).map(([name, schema]) => {
      const type = schema.$ref === undefined ? '' : `: ${this.#type(schema)}`;
      return `\`${name}${required.includes(name) ? '' : '?'}\`${type}`;
    });
    return fields.length === 0 ? 'an empty object' : `object with ${fields.join(', ')}`;
  }

  #link(reference: string): string {
    const name = reference.split('/').at(-1) ?? '';
    return `[${name}](#${this.#anchor(name)})`;
  }
}

/** An answer that tells a failure; what stands in its place is told like any other. */
function isError(status: string): boolean {
  return Number(status) >= 400;
}

function simpleType(schema: Json): string {
  const { type, format, pattern, minimum, maximum, minLength, maxLength } = schema;
  if (type === undefined) return 'anything';
  if (format === 'date-time') return 'RFC 3339 date-time';
  const isSafe = (bound: unknown) => typeof bound === 'number' && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const bounds = [
    ...(isSafe(minimum) ? [`from ${minimum}`] : []),
    ...(isSafe(maximum) ? [`to ${maximum}`] : []),
    ...(minLength === undefined ? [] : [`from ${minLength}`]),
    ...(maxLength === undefined ? [] : [`to ${maxLength} characters`]),
    ...(pattern === undefined ? [] : [`like \`${String(pattern)}\``]),
  ];
  return [String(type), ...bounds].join(' ');
}

/** The first of the examples, as it goes over the wire, and what is answered. */
function exampleOf(operation: DocumentedOperation): string[] {
  const [request] = requestsOf(operation);
  if (!request || request.name === 'plain') return [];
  const { method, path, headers, body, name } = request;
  const sent = [`${method} ${path}`, ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`)];
  const answered = Object.entries(operation.responses).flatMap(([status, { content = {} }]) =>
    Object.values(content).flatMap(({ examples = {} }) => {
      const value = examples[name]?.value;
      return value === undefined ? [] : [`${status}\n\n${pretty(value)}`];
    }),
  );
  const text = [sent.join('\n'), ...(body === undefined ? [] : ['', pretty(parsed(body))])].join('\n');
  return [...['```http', text, '```', ''], ...answered.flatMap((answer) => ['```http', answer, '```', ''])];
}

function parsed(body: string): unknown {
  return body.startsWith('{') && !body.trimEnd().includes('\n') ? (JSON.parse(body) as unknown) : body;
}

function pretty(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll('\r\n', '\n').trimEnd() : compact(value, '');
}

/** JSON with whatever fits into a line in a line. */
function compact(value: unknown, indent: string): string {
  const text = JSON.stringify(value);
  if (text.length + indent.length <= 110 || typeof value !== 'object' || value === null) return text;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const parts = Object.entries(value).map(([name, one]: [string, unknown]) => {
    const label = Array.isArray(value) ? '' : `${JSON.stringify(name)}: `;
    return `${inner}${label}${compact(one, inner)}`;
  });
  return `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
