/** The node's API as OpenAPI 3.1, from the schemas that validate its requests. */
import { z } from 'zod';
import { COMMON_ANSWERS, conflictSchema, errorSchema } from '../../shared/openapi/answers.js';
import { type DocumentSource, openApiDocument } from '../../shared/openapi/document.js';
import { json, type Operation } from '../../shared/openapi/operation.js';
import { PAGE_PARAMETERS, pageOperations } from '../../shared/openapi/page-operations.js';
import { CONFLICT } from '../../shared/openapi/registry-examples.js';
import {
  REGISTRY_NAMED,
  REGISTRY_PARAMETERS,
  registryDeletion,
  registryOperations,
} from '../../shared/openapi/registry-operations.js';
import type { JsonObject } from '../../shared/openapi/schema-book.js';
import { NODE_SCHEMAS } from './openapi/node-answers.js';
import { NODE_REQUESTS, probeOperations, stateOperations } from './openapi/node-operations.js';
import { TELEMETRY_SCHEMAS, telemetryOperations } from './openapi/telemetry-operations.js';

const REGISTRY = {
  ...{ path: '/v1/registry', historyPath: '/v1/history', settlementPath: '/v1/conflicts/:type/:id' },
  ...{ reads: 'token', edits: 'token' },
};

const conflicts: Operation = {
  ...{ id: 'listConflicts', method: 'get', path: '/v1/conflicts', tag: 'registry', access: 'token' },
  summary: 'List what was edited on both sides and awaits a person',
  answers: [[200, { description: 'All of them', content: json(z.object({ items: z.array(conflictSchema) })) }]],
  examples: { open: { answer: { items: [CONFLICT] } } },
};

/** In the order in which their examples can be sent one after the other. */
export const EDGE_OPERATIONS: readonly Operation[] = [
  ...telemetryOperations,
  ...stateOperations,
  conflicts,
  ...registryOperations(REGISTRY),
  registryDeletion(REGISTRY),
  ...pageOperations('/'),
  ...probeOperations,
];

const SOURCE: DocumentSource = {
  title: 'solar-edge',
  description:
    'The REST API of a village\'s node. Errors are `{"error": {"code", "message", "details"}}`. Times are UTC in answers and may have any ' +
    'offset in requests. Unknown parameters and unknown fields of requests are refused; those of registry documents ' +
    'are kept.',
  securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'EDGE_TOKEN' } },
  access: {
    open: { security: [], errors: [], errorSchema },
    token: {
      security: [{ token: [] }, {}],
      who: 'Needs the token where EDGE_TOKEN is set.',
      errors: ['unauthorized', 'too_many_requests'],
      errorSchema,
    },
  },
  tags: {
    telemetry: 'Readings and predictions',
    node: 'What the node does and keeps',
    registry: "The village's devices, tariffs, thresholds and profile",
    dashboard: "The node's page",
    program: 'The program itself',
  },
  pathParameters: {
    ...REGISTRY_PARAMETERS,
    ...PAGE_PARAMETERS,
    id: { schema: z.string(), description: 'The id of the document', example: 'meter-7' },
  },
  named: { ...TELEMETRY_SCHEMAS, ...COMMON_ANSWERS, ...REGISTRY_NAMED, ...NODE_SCHEMAS, ...NODE_REQUESTS },
  operations: EDGE_OPERATIONS,
};

export function edgeOpenApi(): JsonObject {
  return openApiDocument(SOURCE);
}
