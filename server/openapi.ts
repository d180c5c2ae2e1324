/** The centre's API as OpenAPI 3.1, from the schemas that validate its requests. */
import { z } from 'zod';
import { nameSchema, villageIdSchema } from '../shared/documents.js';
import { COMMON_ANSWERS, errorSchema } from '../shared/openapi/answers.js';
import { type DocumentSource, openApiDocument } from '../shared/openapi/document.js';
import { json, type Operation } from '../shared/openapi/operation.js';
import { PAGE_PARAMETERS, pageOperations } from '../shared/openapi/page-operations.js';
import {
  REGISTRY_NAMED,
  REGISTRY_PARAMETERS,
  registryDeletion,
  registryOperations,
} from '../shared/openapi/registry-operations.js';
import type { JsonObject } from '../shared/openapi/schema-book.js';
import { couchErrorSchema, GATEWAY_SCHEMAS } from './openapi/couch-answers.js';
import { FLEET_SCHEMAS } from './openapi/fleet-answers.js';
import { fleetOperations } from './openapi/fleet-operations.js';
import { queryOperations } from './openapi/query-operations.js';
import { AUTHOR, pushSchema, registryFleetOperations } from './openapi/registry-operations.js';
import { registryReplication } from './openapi/registry-replication.js';
import { telemetryReplication } from './openapi/telemetry-replication.js';
import { VILLAGE_SCHEMAS } from './openapi/village-answers.js';
import { credentialOperations, VILLAGE_REQUESTS, villageOperations } from './openapi/village-operations.js';

const REGISTRY = {
  ...{ path: '/v1/villages/:village/registry', historyPath: '/v1/villages/:village/history' },
  settlementPath: '/v1/villages/:village/conflicts/:type/:id',
  ...{ reads: 'readers', edits: 'admin', headers: AUTHOR },
};

const ready = z.object({ ok: z.boolean() });

const probes: readonly Operation[] = [
  {
    ...{ id: 'isAlive', method: 'get', path: '/healthz', tag: 'program', access: 'open' },
    summary: 'Whether the program runs',
    answers: [[200, { description: 'It does', content: json(z.object({ ok: z.literal(true) })) }]],
  },
  {
    ...{ id: 'isReady', method: 'get', path: '/readyz', tag: 'program', access: 'open' },
    summary: 'Whether the store can be reached',
    answers: [
      [200, { description: 'It can', content: json(ready) }],
      [503, { description: 'Not now', content: json(ready), headers: { 'Retry-After': 'Seconds' } }],
    ],
  },
  {
    ...{ id: 'getMetrics', method: 'get', path: '/metrics', tag: 'program', access: 'metrics' },
    summary: 'Figures for Prometheus',
    answers: [[200, { description: 'In its text format', content: [{ type: 'text/plain', schema: z.string() }] }]],
  },
  {
    ...{ id: 'getOpenApi', method: 'get', path: '/openapi.json', tag: 'program', access: 'open' },
    summary: 'This document',
    answers: [[200, { description: 'OpenAPI 3.1', content: json(z.looseObject({ openapi: z.string() })) }]],
  },
];

/** In the order in which their examples can be sent one after the other. */
export const CENTRAL_OPERATIONS: readonly Operation[] = [
  ...telemetryReplication,
  ...registryReplication,
  ...queryOperations,
  ...villageOperations,
  ...fleetOperations,
  ...registryFleetOperations,
  ...registryOperations(REGISTRY),
  registryDeletion(REGISTRY),
  ...credentialOperations,
  ...pageOperations('/dashboard'),
  ...probes,
];

const LOGIN = ['unauthorized', 'forbidden', 'too_many_requests', 'unavailable'] as const;
const TOKEN = [{ token: [] }, { login: [] }];

const SOURCE: DocumentSource = {
  title: 'solar-central',
  description:
    'The HTTP API of the centre. Below `/v1` errors are `{"error": {"code", "message", "details"}}`, elsewhere ' +
    '`{"error", "reason"}` as CouchDB has them. Times are UTC in answers and may have any offset in requests. Below `/v1` unknown ' +
    'parameters and unknown fields of requests are refused; those of registry documents are kept.',
  securitySchemes: {
    token: { type: 'http', scheme: 'bearer', description: 'The token of the analyst or of the admin' },
    login: {
      ...{ type: 'http', scheme: 'basic' },
      description: 'A village with its credential; or `analyst` or `admin` with the token as password',
    },
  },
  access: {
    open: { security: [], errors: [], errorSchema },
    readers: { security: TOKEN, who: 'For analysts and the admin.', errors: LOGIN, errorSchema },
    admin: { security: TOKEN, who: 'For the admin.', errors: LOGIN, errorSchema },
    metrics: {
      ...{ security: [{}, ...TOKEN], who: 'From this machine without a login, else for analysts and the admin.' },
      ...{ errors: LOGIN, errorSchema },
    },
    village: {
      ...{ security: [{ login: [] }], who: 'For the village itself.', errors: LOGIN },
      ...{ errorSchema: couchErrorSchema, hasOtherCodes: true },
    },
    anyone: {
      ...{ security: TOKEN, who: 'For villages, analysts and the admin.', errors: LOGIN },
      ...{ errorSchema: couchErrorSchema, hasOtherCodes: true },
    },
    couchReaders: {
      ...{ security: TOKEN, who: 'For analysts and the admin; reads and nothing else.', errors: LOGIN },
      ...{ errorSchema: couchErrorSchema, hasOtherCodes: true },
    },
  },
  tags: {
    villages: 'Villages, their credentials and what needs looking after',
    telemetry: 'What villages measured and predicted',
    registry: "Villages' devices, tariffs, thresholds and profiles",
    queries: "CouchDB's own queries",
    replication: "The CouchDB replication protocol, for villages' nodes",
    dashboard: "The fleet's page",
    program: 'The program itself',
  },
  pathParameters: {
    ...REGISTRY_PARAMETERS,
    ...PAGE_PARAMETERS,
    village: { schema: villageIdSchema, description: 'The village', example: 'bamenda' },
    id: { schema: z.string(), description: 'The id: of the document, or of the village', example: 'bamenda' },
    design: { schema: nameSchema, description: 'The design document, without `_design/`', example: 'mine' },
    view: { schema: nameSchema, description: 'The view', example: 'by-power' },
  },
  named: {
    ...COMMON_ANSWERS,
    ...REGISTRY_NAMED,
    ...VILLAGE_SCHEMAS,
    ...FLEET_SCHEMAS,
    ...VILLAGE_REQUESTS,
    Push: pushSchema,
    ...GATEWAY_SCHEMAS,
  },
  operations: CENTRAL_OPERATIONS,
};

export function centralOpenApi(): JsonObject {
  return openApiDocument(SOURCE);
}
