/** A node's state and runs, what it set aside, its store, and the probes. */
import { z } from 'zod';
import { instant, type telemetryDocumentSchema } from '../../../shared/openapi/answers.js';
import { json, lines, NDJSON_TYPE, type Operation } from '../../../shared/openapi/operation.js';
import { cleanupBodySchema } from '../cleanup.js';
import { replicateBodySchema } from '../replicate.js';
import {
  alertListSchema,
  checkLineSchema,
  cleanupSchema,
  latestReadingSchema,
  quarantineItemSchema,
  replicateLineSchema,
  statsSchema,
  statusSchema,
} from './node-answers.js';

/** Bodies of requests that have a name in the document. */
export const NODE_REQUESTS = { ReplicateRequest: replicateBodySchema, CleanupRequest: cleanupBodySchema } as const;

const FIGURES = {
  ...{ acknowledged: 96, sent: 97, refused: 0, bytesSent: 4_812, bytesReceived: 2_205, batches: 2 },
  attempts: { ok: 2 },
};

const STATUS = {
  ...{ village: 'bamenda', node: 'k3f9a2', version: '0.1.0', clock: 'sure' },
  store: {
    ...{ pending: 7, oldestPendingAt: '2026-03-01T12:00:00.000Z', lastSeq: 7, segments: 1, quarantined: 0, lost: 0 },
    ...{ bytes: 1_204_112, capacityBytes: 1_073_741_824, usedPct: 1 },
  },
  link: {
    ...{ state: 'offline', since: '2026-03-01T11:40:00.000Z' },
    lastError: { tag: 'TIMEOUT', retryable: true, message: 'the centre did not answer within 15 s' },
  },
  sync: {
    ...{ state: 'offline', mode: 'live', lastAttemptAt: '2026-03-01T12:45:00.000Z', docsSent: 0 },
    ...{ bytesSent: 412, bytesReceived: 0, nextScheduledAt: '2026-03-02T02:07:31.000Z' },
    nextForcedAt: '2026-03-02T02:07:31.000Z',
  },
  registry: { state: 'offline', pendingEdits: 1, refused: 0 },
  alerts: [],
};

const ITEM = {
  ...{ id: 'bamenda:r:meter-7:2026-03-01T12:00:00.000Z', reason: 'has no well-formed revision' },
  ...{ since: '2026-03-01T12:01:00.000Z', tries: 2, lastTriedAt: '2026-03-01T12:11:00.000Z' },
  doc: {
    ...{ _id: 'bamenda:r:meter-7:2026-03-01T12:00:00.000Z', _rev: '1-6d0c9b1f2a44', type: 'reading' },
    ...{ village: 'bamenda', node: 'k3f9a2', seq: 1, boot: 1, device: 'meter-7', at: '2026-03-01T12:00:00.000Z' },
    powerW: 412.5,
  } satisfies z.input<typeof telemetryDocumentSchema>,
};

const PROGRESS =
  '{"event":"progress","sent":0,"pending":7,"attempt":1}\n' +
  '{"event":"done","ok":true,"sent":7,"pending":0,"quarantined":0}\n';

export const stateOperations: readonly Operation[] = [
  {
    ...{ id: 'getStatus', method: 'get', path: '/v1/status', tag: 'node', access: 'token' },
    summary: 'Where the data is, what the link does, and what a person should know',
    answers: [[200, { description: 'The state now', content: json(statusSchema) }]],
    errors: ['invalid_request'],
    examples: { offline: { answer: STATUS } },
  },
  {
    ...{ id: 'listDevices', method: 'get', path: '/v1/devices', tag: 'node', access: 'token' },
    summary: 'The newest reading of each device',
    answers: [
      [200, { description: 'Of 1,000 at most', content: json(z.object({ items: z.array(latestReadingSchema) })) }],
    ],
    errors: ['invalid_request'],
    examples: {
      one: { answer: { items: [{ device: 'meter-7', at: '2026-03-01T12:00:00.000Z', values: { powerW: 412.5 } }] } },
    },
  },
  {
    ...{ id: 'listenToEvents', method: 'get', path: '/v1/events', tag: 'node', access: 'token' },
    summary: 'What changes at the node, as it changes',
    description:
      'Server-sent events without an end: `status` as `GET /v1/status`, `alerts`, `devices`, `progress` of a push, and ' +
      '`registry` when a document of it has changed. Twenty may listen at once.',
    answers: [[200, { description: 'Events', content: [{ type: 'text/event-stream', schema: z.string() }] }]],
    errors: ['busy'],
  },
  {
    ...{ id: 'listAlerts', method: 'get', path: '/v1/alerts', tag: 'node', access: 'token' },
    summary: 'What a person should know now, and what has gone',
    answers: [[200, { description: 'All open ones', content: json(alertListSchema) }]],
    errors: ['invalid_request'],
    examples: {
      blocked: {
        answer: {
          items: [
            {
              ...{ code: 'blocked', severity: 'critical', since: '2026-03-01T12:00:00.000Z' },
              message: 'the centre refuses this village: the credential is wrong',
            },
          ],
          history: [],
        },
      },
    },
  },
  {
    ...{ id: 'stats', method: 'get', path: '/v1/stats', tag: 'node', access: 'token' },
    summary: 'What the node has done, in all and by day',
    answers: [[200, { description: 'At most 60 days', content: json(statsSchema) }]],
    errors: ['invalid_request'],
    examples: {
      first: {
        answer: {
          ...{ village: 'bamenda', node: 'k3f9a2', since: '2026-03-01T08:00:00.000Z' },
          now: { pending: 0, quarantined: 0, lost: 0, confirmed: 0 },
          totals: FIGURES,
          days: [{ day: '2026-03-01', ...FIGURES }],
        },
      },
    },
  },
  {
    ...{ id: 'replicate', method: 'post', path: '/v1/replicate', tag: 'node', access: 'token' },
    summary: 'Deliver everything now; joins a run in progress',
    description:
      'A line of progress at least every 5 seconds, and a last one that says how it ended: the status is 200 whatever that is. ' +
      'The run ends with the connection.',
    body: json(replicateBodySchema),
    isBodyOptional: true,
    answers: [[200, { description: 'Progress, and the result as the last line', content: lines(replicateLineSchema) }]],
    errors: ['invalid_request', 'not_configured', 'too_large', 'unsupported_media_type'],
    examples: {
      patient: {
        body: { deadlineS: 120, maxRetries: 5, retryIntervalS: 2 },
        answer: PROGRESS,
        answerType: NDJSON_TYPE,
      },
    },
  },
  {
    ...{ id: 'listQuarantine', method: 'get', path: '/v1/quarantine', tag: 'node', access: 'token' },
    summary: 'List the documents the centre refused',
    answers: [[200, { description: 'All of them', content: json(z.object({ items: z.array(quarantineItemSchema) })) }]],
    errors: ['invalid_request', 'storage_failed'],
    examples: { one: { answer: { items: [ITEM] } } },
  },
  {
    ...{ id: 'retryQuarantine', method: 'post', path: '/v1/quarantine/retry', tag: 'node', access: 'token' },
    summary: 'Offer the refused documents to the centre again',
    answers: [
      [
        200,
        {
          description: 'How many it took, and how many it refused again',
          content: json(z.object({ released: z.int().min(0), quarantined: z.int().min(0) })),
        },
      ],
    ],
    errors: ['not_configured', 'link'],
    examples: { taken: { answer: { released: 1, quarantined: 0 } } },
  },
  {
    ...{ id: 'releaseQuarantined', method: 'delete', path: '/v1/quarantine/:id', tag: 'node', access: 'token' },
    summary: 'Give up a refused document: it will never reach the centre',
    pathExamples: { id: ITEM.id },
    answers: [[200, { description: 'It is given up', content: json(z.object({ released: z.string() })) }]],
    errors: ['not_found', 'storage_failed'],
    examples: {
      none: {
        status: 404,
        answer: { error: { code: 'not_found', message: `${ITEM.id} is not in quarantine` } },
      },
    },
  },
  {
    ...{ id: 'cleanUp', method: 'post', path: '/v1/cleanup', tag: 'node', access: 'token' },
    summary: 'Apply the rules of deletion now',
    description: 'Only what the centre has confirmed is ever deleted.',
    body: json(cleanupBodySchema),
    isBodyOptional: true,
    answers: [[200, { description: 'What was deleted and what is kept', content: json(cleanupSchema) }]],
    errors: ['invalid_request', 'too_large', 'unsupported_media_type', 'busy'],
    examples: {
      all: {
        body: { allConfirmed: true },
        answer: {
          segments: 0,
          documents: 0,
          bytes: 0,
          usedBytes: 1_204_112,
          kept: { unconfirmed: 0, notDue: 0, open: 1 },
        },
      },
    },
  },
  checkOperation('check', 'Look through everything stored'),
  checkOperation('repair', 'Look through everything stored, and mend what is damaged'),
];

function checkOperation(name: 'check' | 'repair', summary: string): Operation {
  return {
    ...{ id: `${name}Store`, method: 'post', path: `/v1/${name}`, tag: 'node', access: 'token', summary },
    description: 'One caller at a time. The status is 200 whatever is found: the last line sums up.',
    answers: [[200, { description: 'A line for each segment, and a last one', content: lines(checkLineSchema) }]],
    errors: ['busy'],
  };
}

const ok = z.literal(true);

export const probeOperations: readonly Operation[] = [
  {
    ...{ id: 'isAlive', method: 'get', path: '/healthz', tag: 'program', access: 'open' },
    summary: 'Whether the program runs',
    answers: [[200, { description: 'It does', content: json(z.object({ ok, at: instant })) }]],
    examples: { alive: { answer: { ok: true, at: '2026-03-01T12:00:00.000Z' } } },
  },
  {
    ...{ id: 'isReady', method: 'get', path: '/readyz', tag: 'program', access: 'open' },
    summary: 'Whether readings are taken; whatever the link does',
    answers: [
      [200, { description: 'They are', content: json(z.object({ ok, village: z.string(), node: z.string() })) }],
    ],
    errors: ['busy'],
  },
  {
    ...{ id: 'getMetrics', method: 'get', path: '/metrics', tag: 'program', access: 'token' },
    summary: 'Figures for Prometheus',
    answers: [[200, { description: 'In its text format', content: [{ type: 'text/plain', schema: z.string() }] }]],
  },
  {
    ...{ id: 'getOpenApi', method: 'get', path: '/openapi.json', tag: 'program', access: 'token' },
    summary: 'This document',
    answers: [[200, { description: 'OpenAPI 3.1', content: json(z.looseObject({ openapi: z.string() })) }]],
  },
];
