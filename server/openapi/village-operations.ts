/** What analysts and admins ask under `/v1`: villages, what they measured, what needs looking after. */
import { z } from 'zod';
import { telemetryDocumentSchema, telemetryPageSchema } from '../../shared/openapi/answers.js';
import { JSON_TYPE, json, NDJSON_TYPE, type Operation } from '../../shared/openapi/operation.js';
import { telemetryQuerySchema } from '../../shared/telemetry-list.js';
import { alertHistoryQuerySchema } from '../analyst/alert-routes.js';
import { changesQuerySchema } from '../analyst/change-routes.js';
import { energyQuerySchema } from '../analyst/energy-query.js';
import { exportQuerySchema } from '../analyst/telemetry-routes.js';
import { villageListSchema } from '../analyst/village-page.js';
import { newVillageSchema, rotationSchema, villageQuerySchema } from '../analyst/village-routes.js';
import { energySchema } from './energy-answers.js';
import {
  alertHistorySchema,
  alertsSchema,
  changeLineSchema,
  changesSchema,
  credentialSchema,
  villageDevicesSchema,
  villagePageSchema,
  villageWithNumbersSchema,
} from './village-answers.js';

/** Bodies of requests that have a name in the document. */
export const VILLAGE_REQUESTS = { NewVillage: newVillageSchema, Rotation: rotationSchema } as const;

const VILLAGE = {
  ...{ id: 'bamenda', name: 'Bamenda', lat: 5.96, lon: 10.15, region: 'north-west' },
  ...{ createdAt: '2026-02-01T08:00:00.000Z', disabled: false, silent: false, need: 'none' },
  ...{ lastContactAt: '2026-03-01T12:50:00.000Z', lastAttemptAt: '2026-03-01T12:50:00.000Z' },
  lastDocumentAt: '2026-03-01T12:50:00.000Z',
};

const NONE_MISSING = { lost: 0, quarantined: 0, released: 0, void: 0, notYetSent: 0, unexplained: 0 };
const NUMBERS = {
  ...{ held: 119, missing: NONE_MISSING },
  nodes: [{ node: 'k3f9a2', held: 119, highest: 119, missing: NONE_MISSING, gaps: [] }],
};

const STORED = {
  ...{ _id: 'bamenda:r:meter-7:2026-03-01T12:00:00.000Z', _rev: '1-6d0c9b1f2a44', type: 'reading', village: 'bamenda' },
  ...{
    node: 'k3f9a2',
    seq: 49,
    boot: 1,
    device: 'meter-7',
    at: '2026-03-01T12:00:00.000Z',
    powerW: 412.5,
    energyKwh: 12,
  },
};

const LINES = `${JSON.stringify(STORED)}\n`;
const CURSOR = 'eyJvIjoiYjY0ZCIsInAiOiIxMTkifQ';
const CREDENTIAL = { id: 'kumbo', user: 'kumbo', password: 'q3Zx9mEXAMPLEonlyNeverUsedAnywhere' };

export const found = (description: string, schema: z.ZodType) =>
  [[200, { description, content: json(schema) }]] as const;

const adding: readonly Operation[] = [
  {
    ...{ id: 'addVillage', method: 'post', path: '/v1/villages', tag: 'villages', access: 'admin' },
    summary: 'Add a village and make its credential',
    body: json(newVillageSchema),
    answers: [[201, { description: 'The credential, shown this once', content: json(credentialSchema) }]],
    errors: ['invalid_request', 'conflict', 'too_large', 'unsupported_media_type'],
    examples: {
      placed: {
        body: { id: 'kumbo', name: 'Kumbo', lat: 6.2, lon: 10.66, region: 'north-west' },
        answer: CREDENTIAL,
      },
    },
  },
];

const villages: readonly Operation[] = [
  {
    ...{ id: 'listVillages', method: 'get', path: '/v1/villages', tag: 'villages', access: 'readers' },
    summary: 'List all villages, when they were heard of and what they say of themselves',
    query: villageListSchema,
    answers: found('All of them, or a page', villagePageSchema),
    errors: ['invalid_request'],
    examples: {
      numbers: { query: { numbers: 'true' }, answer: { items: [{ ...VILLAGE, numbers: NUMBERS }] } },
      neediest: { query: { order: 'need', limit: '100' }, answer: { items: [VILLAGE] } },
    },
  },
  {
    ...{ id: 'getVillage', method: 'get', path: '/v1/villages/:id', tag: 'villages', access: 'readers' },
    summary: 'One village, with what is held of its numbers and what is missing',
    query: villageQuerySchema,
    answers: found('The village', villageWithNumbersSchema),
    errors: ['invalid_request', 'not_found'],
    examples: { complete: { answer: { ...VILLAGE, numbers: NUMBERS } } },
  },
];

const READ: NonNullable<Operation['examples']> = {
  page: {
    query: { device: 'meter-7', from: '2026-03-01T12:00:00Z', to: '2026-03-01T13:00:00Z' },
    answer: { items: [STORED] },
  },
  lines: {
    query: { format: 'ndjson', device: 'meter-7', from: '2026-03-01T12:00:00Z' },
    ...{ answerType: NDJSON_TYPE, answer: LINES },
  },
  table: {
    query: { format: 'csv', device: 'meter-7', from: '2026-03-01T12:00:00Z', fields: 'powerW,energyKwh' },
    answerType: 'text/csv',
    answer:
      'at,device,powerW,energyKwh,clock,node,seq,boot\r\n2026-03-01T12:00:00.000Z,meter-7,412.5,12,,k3f9a2,49,1\r\n',
  },
};

const telemetry = (['readings', 'predictions'] as const).map(
  (many): Operation => ({
    ...{ id: many === 'readings' ? 'villageReadings' : 'villagePredictions', method: 'get', tag: 'telemetry' },
    ...{ path: `/v1/villages/:id/${many}`, access: 'readers' },
    summary: `A village's ${many} in order of time: a page, or all that matches as a file`,
    query: z.strictObject({ ...telemetryQuerySchema.shape, ...exportQuerySchema.shape }),
    answers: [
      [
        200,
        {
          description: 'A page, lines, or a table with a line of names',
          content: [
            { type: JSON_TYPE, schema: telemetryPageSchema },
            { type: NDJSON_TYPE, schema: telemetryDocumentSchema },
            { type: 'text/csv', schema: z.string() },
          ],
        },
      ],
    ],
    errors: ['invalid_request', 'not_found'],
    ...(many === 'readings' ? { examples: READ } : {}),
  }),
);

const feeds: readonly Operation[] = [
  {
    ...{
      id: 'listVillageDevices',
      method: 'get',
      path: '/v1/villages/:id/devices',
      tag: 'telemetry',
      access: 'readers',
    },
    summary: 'Every device of which there is a reading, however old, by name',
    answers: found('Devices', villageDevicesSchema),
    errors: ['invalid_request', 'not_found'],
    examples: { all: { answer: { items: [{ device: 'meter-7' }] } } },
  },
  {
    ...{ id: 'villageEnergy', method: 'get', path: '/v1/villages/:id/energy', tag: 'telemetry', access: 'readers' },
    summary: 'Energy by hour or day, meter by meter, from the cumulative register',
    query: energyQuerySchema,
    answers: found('Every meter with its buckets; what was done to get them is named', energySchema),
    errors: ['invalid_request', 'not_found'],
    examples: {
      day: {
        query: { from: '2026-03-01', to: '2026-03-02', step: 'day', tz: 'Africa/Douala', device: 'meter-7' },
        answer: {
          ...{ village: 'bamenda', from: '2026-02-28T23:00:00.000Z', to: '2026-03-01T23:00:00.000Z', step: 'day' },
          ...{ tz: 'Africa/Douala' },
          devices: [
            {
              ...{ device: 'meter-7', source: 'energyKwh', kwh: 23 },
              first: { at: '2026-03-01T00:00:00.000Z', energyKwh: 0 },
              last: { at: '2026-03-01T23:00:00.000Z', energyKwh: 23 },
              buckets: [{ start: '2026-03-01T00:00:00.000+01:00', hours: 24, kwh: 23, coveredHours: 23 }],
              ...{ resets: [], rollovers: [], steps: [], gaps: [], duplicates: 0, unsureClock: 0 },
            },
          ],
        },
      },
      hours: { query: { from: '2026-03-01T00:00:00Z', to: '2026-03-01T06:00:00Z', step: 'hour' } },
    },
  },
  {
    ...{ id: 'listChanges', method: 'get', path: '/v1/changes', tag: 'telemetry', access: 'readers' },
    summary: 'Documents in the order in which the centre took them, late data included',
    description: 'For programs that keep a copy: the `next` of each answer is the `since` of the following one.',
    query: changesQuerySchema,
    answers: [
      [
        200,
        {
          description: 'A page, or lines with a `next` now and then',
          content: [
            { type: JSON_TYPE, schema: changesSchema },
            { type: NDJSON_TYPE, schema: changeLineSchema },
          ],
        },
      ],
    ],
    errors: ['invalid_request', 'not_found'],
    examples: {
      beginning: { query: { village: 'bamenda', limit: '2' }, answer: { items: [STORED], next: CURSOR, more: true } },
      lines: {
        query: { format: 'ndjson', limit: '2' },
        ...{ answerType: NDJSON_TYPE, answer: `${LINES}{"next":"${CURSOR}"}\n` },
      },
    },
  },
  {
    ...{ id: 'listAlerts', method: 'get', path: '/v1/alerts', tag: 'villages', access: 'readers' },
    summary: 'What needs looking after now, of all villages',
    answers: found('All of them', alertsSchema),
    errors: ['invalid_request'],
    examples: {
      silent: {
        answer: {
          items: [
            {
              ...{ village: 'kumbo', code: 'silent', severity: 'warning' },
              message: 'the village was never heard of, and is expected every 26 hours',
            },
          ],
        },
      },
    },
  },
  {
    ...{ id: 'listPastAlerts', method: 'get', path: '/v1/alerts/history', tag: 'villages', access: 'readers' },
    summary: 'Alerts that have gone, of all villages or of one',
    query: alertHistoryQuerySchema,
    answers: found('The last one cleared first', alertHistorySchema),
    examples: {
      none: { query: { village: 'bamenda', limit: '10' }, answer: { items: [] } },
    },
  },
];

/** These end what the others need. */
export const credentialOperations: readonly Operation[] = [
  {
    ...{ id: 'rotateCredential', method: 'post', path: '/v1/villages/:id/rotate', tag: 'villages', access: 'admin' },
    summary: 'Make a new credential; the old one stays good for a while',
    body: json(rotationSchema),
    isBodyOptional: true,
    answers: [[201, { description: 'The credential, shown this once', content: json(credentialSchema) }]],
    errors: ['invalid_request', 'not_found', 'too_large', 'unsupported_media_type'],
    examples: { soon: { body: { overlapHours: 1 }, answer: { ...CREDENTIAL, id: 'bamenda', user: 'bamenda' } } },
  },
  {
    ...{ id: 'disableVillage', method: 'post', path: '/v1/villages/:id/disable', tag: 'villages', access: 'admin' },
    summary: 'Let a village in no more; what it sent stays',
    answers: found('It is disabled', z.object({ id: z.string(), disabled: z.literal(true) })),
    errors: ['not_found'],
    examples: { done: { answer: { id: 'bamenda', disabled: true } } },
  },
];

export const villageOperations: readonly Operation[] = [...adding, ...villages, ...telemetry, ...feeds];
