/** Readings and predictions: posted and listed. */
import { z } from 'zod';
import { LIMITS, POSTED_SCHEMAS, type PostedType } from '../../../shared/documents.js';
import { count, describing, telemetryPageSchema } from '../../../shared/openapi/answers.js';
import {
  type Content,
  type Example,
  JSON_TYPE,
  json,
  NDJSON_TYPE,
  type Operation,
} from '../../../shared/openapi/operation.js';
import { telemetryQuerySchema } from '../../../shared/telemetry-list.js';
import type { IngestResult, RefusedDocument } from '../../ledger/ingest-queue.js';
import { postQuerySchema } from '../post-telemetry.js';

const refusedSchema = describing<RefusedDocument>()(
  z.object({
    index: count.describe('Its place in the request, from 0'),
    code: z.enum(['conflict', 'invalid_request', 'too_large']),
    message: z.string(),
  }),
);

const takenSchema = describing<Omit<IngestResult, 'refused'>>()(
  z.object({
    accepted: count.describe('Documents that were new, and are on the disk now'),
    duplicates: count.describe('Documents that were there already, or stood in the request twice'),
    lastSeq: count.describe("The node's highest number after the request"),
  }),
);

const takenInPartSchema = describing<IngestResult>()(takenSchema.extend({ refused: z.array(refusedSchema) }));

export const TELEMETRY_SCHEMAS = {
  Reading: POSTED_SCHEMAS.reading,
  Prediction: POSTED_SCHEMAS.prediction,
  Taken: takenSchema,
  TakenInPart: takenInPartSchema,
} as const;

function posted(type: PostedType): readonly Content[] {
  const one = POSTED_SCHEMAS[type];
  return [
    { type: JSON_TYPE, schema: z.union([one, z.array(one).min(1).max(LIMITS.requestDocuments)]) },
    { type: NDJSON_TYPE, schema: one },
  ];
}

const READING = { device: 'meter-7', at: '2026-03-01T12:00:00Z', powerW: 412.5, energyKwh: 1830.25 };
const PREDICTION = { model: 'pv-day-ahead', at: '2026-03-01T12:00:00Z', for: '2026-03-02T12:00:00Z', powerKw: 18.2 };
const STORED = { type: 'reading', village: 'bamenda', node: 'k3f9a2', seq: 1, boot: 1 };
const TAKEN = { accepted: 1, duplicates: 0, lastSeq: 1 };

const POSTS: Record<PostedType, Record<string, Example>> = {
  reading: {
    one: { body: READING, answer: TAKEN },
    several: {
      body: [
        { ...READING, at: '2026-03-01T12:15:00Z', powerW: 398, energyKwh: 1830.35 },
        { device: 'battery-1', at: '2026-03-01T12:15:00Z', batterySocPct: 81, state: 'charging', gridTied: false },
      ],
      answer: { accepted: 2, duplicates: 0, lastSeq: 3 },
    },
    lines: {
      type: NDJSON_TYPE,
      body: '{"device":"meter-7","at":"2026-03-01T12:30:00Z","powerW":405}\n{"device":"meter-8","at":"2026-03-01T12:30:00Z","powerW":77}\n',
      answer: { accepted: 2, duplicates: 0, lastSeq: 5 },
    },
    partial: {
      query: { partial: 'true' },
      body: [
        { ...READING, at: '2026-03-01T12:45:00Z' },
        { ...READING, powerW: 90 },
      ],
      status: 200,
      answer: {
        ...{ accepted: 1, duplicates: 0, lastSeq: 6 },
        refused: [
          {
            ...{ index: 1, code: 'conflict' },
            message: 'bamenda:r:meter-7:2026-03-01T12:00:00.000Z is already stored with other content',
          },
        ],
      },
    },
  },
  prediction: {
    one: { body: PREDICTION, answer: { ...TAKEN, lastSeq: 7 } },
    lines: {
      type: NDJSON_TYPE,
      body: `${JSON.stringify({ ...PREDICTION, for: '2026-03-02T13:00:00Z', powerKw: 19.7 })}\n`,
      answer: { ...TAKEN, lastSeq: 8 },
    },
  },
};

const LISTS: Record<PostedType, Record<string, Example>> = {
  reading: {
    day: {
      query: { device: 'meter-7', from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z', limit: '2' },
      answer: {
        items: [
          {
            ...{ _id: 'bamenda:r:meter-7:2026-03-01T12:00:00.000Z', _rev: '1-6d0c9b1f2a44', ...STORED },
            ...{ ...READING, at: '2026-03-01T12:00:00.000Z' },
          },
        ],
        next: 'YmFtZW5kYTpyOm1ldGVyLTc6MjAyNi0wMy0wMVQxMjowMDowMC4wMDBa',
      },
    },
    newest: { query: { order: 'desc', limit: '1' } },
  },
  prediction: { model: { query: { model: 'pv-day-ahead' } } },
};

export const telemetryOperations: readonly Operation[] = (['reading', 'prediction'] as const).flatMap((type) => {
  const [path, many] = [`/v1/${type}s`, `${type}s`];
  const capital = type === 'reading' ? 'Readings' : 'Predictions';
  return [
    {
      ...{ id: `post${capital}`, method: 'post', path, tag: 'telemetry', access: 'token' },
      summary: `Store ${many}; answered when they are on the disk`,
      description:
        `An object, an array, or one object a line; up to ${LIMITS.requestDocuments.toLocaleString('en-US')} documents, 8 MiB, also as ` +
        'gzip (`Content-Encoding`), 16 KiB each. All or nothing, unless `partial` says otherwise. Repeating is safe where `at` is given: ' +
        'what is there already counts as a duplicate. Without `at` the node takes now.',
      query: postQuerySchema,
      body: posted(type),
      answers: [
        [201, { description: 'All of it is on the disk', content: json(takenSchema) }],
        [200, { description: 'With `partial`: what is good is on the disk', content: json(takenInPartSchema) }],
      ],
      errors: [
        'invalid_request',
        'conflict',
        'too_large',
        'unsupported_media_type',
        'busy',
        'storage_failed',
        'storage_full',
      ],
      examples: POSTS[type],
    },
    {
      ...{ id: `list${capital}`, method: 'get', path, tag: 'telemetry', access: 'token' },
      summary: `List the ${many} that the node still keeps, in order of time`,
      query: telemetryQuerySchema,
      answers: [[200, { description: 'One page', content: json(telemetryPageSchema) }]],
      errors: ['invalid_request', 'busy', 'storage_failed'],
      examples: LISTS[type],
    },
  ] satisfies Operation[];
});
