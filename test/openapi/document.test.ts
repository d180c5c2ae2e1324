/** Both documents: sound by the rules of OpenAPI 3.1, with every route and nothing else, and examples that fit. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { EDGE_OPERATIONS, edgeOpenApi } from '../../edge/api/openapi.js';
import { CENTRAL_OPERATIONS, centralOpenApi } from '../../server/openapi.js';
import { templateOf } from '../../shared/openapi/document.js';
import { useNodes } from '../edge/api/node-under-test.js';
import { Centre } from '../server/support/centre.js';
import { routesOf } from '../server/support/routes-of.js';
import { useTempFolder } from '../support/temp-folder.js';
import { DocumentedApi } from './documented-api.js';

const DOCUMENTS = [
  { program: 'the node', document: edgeOpenApi(), operations: EDGE_OPERATIONS },
  { program: 'the centre', document: centralOpenApi(), operations: CENTRAL_OPERATIONS },
];

/** `GET /v1/readings` of every route of the program at `url`. */
async function routesAt(url: string): Promise<string[]> {
  const { routes } = await routesOf(url);
  const found = routes.flatMap(({ path, methods }) =>
    methods
      .map((method) => method.toUpperCase())
      .filter((method) => !['HEAD', '*', '_ALL'].includes(method))
      .map((method) => `${method} ${templateOf(path)}`),
  );
  return [...new Set(found)].sort();
}

function operationsIn(document: Record<string, unknown>): string[] {
  return new DocumentedApi(document).operations.map(({ method, path }) => `${method} ${path}`).sort();
}

describe('the OpenAPI document of the node', () => {
  const folder = useTempFolder();
  const nodes = useNodes();

  it('has an operation for every route of the router, and no other', async () => {
    const node = await nodes.start(folder.path);
    expect(operationsIn(edgeOpenApi())).to.deep.equal(await routesAt(node.url));
  });

  it('is what the node answers, behind its token', async () => {
    const node = await nodes.start(folder.path, { EDGE_TOKEN: 'a-token-for-tests-0123456789' });
    expect((await fetch(`${node.url}/openapi.json`)).status).to.equal(401);
    const headers = { Authorization: 'Bearer a-token-for-tests-0123456789' };
    const response = await fetch(`${node.url}/openapi.json`, { headers });
    expect(response.headers.get('content-type')).to.match(/^application\/json/);
    expect(await response.json()).to.deep.equal(JSON.parse(JSON.stringify(edgeOpenApi())));
  });
});

describe('the OpenAPI document of the centre', () => {
  let centre: Centre;
  before(async () => {
    centre = await Centre.start('embedded');
  });
  after(() => centre.stop());

  it('has an operation for every route of the router, and no other', async () => {
    expect(operationsIn(centralOpenApi())).to.deep.equal(await routesAt(centre.url));
  });

  it('is what the centre answers to everybody', async () => {
    const response = await centre.anonymous('/openapi.json');
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal(JSON.parse(JSON.stringify(centralOpenApi())));
  });
});

for (const { program, document, operations } of DOCUMENTS) {
  describe(`what the OpenAPI document of ${program} says`, () => {
    const api = new DocumentedApi(document);

    it('is sound by the schema of OpenAPI 3.1', async () => {
      const { valid, errors } = await new Validator().validate(structuredClone(document));
      expect(valid, JSON.stringify(errors)).to.equal(true);
    });

    it('has schemas that are sound by JSON Schema 2020-12, and references that lead somewhere', () => {
      const ajv = new Ajv2020({ strict: false });
      const { schemas } = document.components as { schemas: Record<string, Record<string, unknown>> };
      for (const [name, schema] of Object.entries(schemas)) {
        expect(ajv.validateSchema(schema), `${name}: ${ajv.errorsText()}`).to.equal(true);
        expect(() => api.fault({ $ref: `#/components/schemas/${name}` }, {}), name).to.not.throw();
      }
    });

    it('names every operation once, in words', () => {
      const ids = api.operations.map(({ operationId }) => operationId);
      expect(new Set(ids).size).to.equal(ids.length);
      expect(ids).to.have.members(operations.map(({ id }) => id));
      for (const { operationId, summary } of api.operations) expect(summary, operationId).to.match(/^[A-Z].*[^.]$/);
    });

    it('has an example for every request body, and each fits its schema', () => {
      for (const { operationId, requestBody } of api.operations) {
        for (const [type, media] of Object.entries(requestBody?.content ?? {})) {
          const examples = Object.entries(media.examples ?? {});
          expect(examples, `${operationId} ${type}`).to.not.have.length(0);
          for (const [name, { value }] of examples) {
            const text = typeof value === 'string' ? value : JSON.stringify(value);
            expect(api.textFault(media, type, text), `${operationId} ${name}`).to.equal(undefined);
          }
        }
      }
    });

    it('has examples of answers and parameters that fit their schemas', () => {
      let count = 0;
      for (const { operationId, responses, parameters = [] } of api.operations) {
        for (const [status, { content = {} }] of Object.entries(responses)) {
          for (const [type, media] of Object.entries(content)) {
            for (const [name, { value }] of Object.entries(media.examples ?? {})) {
              const text = typeof value === 'string' ? value : JSON.stringify(value);
              expect(api.textFault(media, type, text), `${operationId} ${status} ${name}`).to.equal(undefined);
              count++;
            }
          }
        }
        for (const { name, in: place, schema, example, examples = {} } of parameters) {
          if (place === 'path') expect(example, `${operationId} ${name}`).to.be.a('string');
          const values = [
            ...Object.values(examples).map(({ value }) => value),
            ...(example === undefined ? [] : [example]),
          ];
          for (const value of values) expect(api.fault(schema, value), `${operationId} ${name}`).to.equal(undefined);
        }
      }
      expect(count).to.be.at.least(20);
    });
  });
}
