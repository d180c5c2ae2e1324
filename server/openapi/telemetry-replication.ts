/** The replication endpoints of telemetry, and receipts. */
import { z } from 'zod';
import { json, type Operation } from '../../shared/openapi/operation.js';
import { bulkDocsSchema } from '../gateway/bulk-docs.js';
import { receiptQuerySchema } from '../gateway/receipt.js';
import { revsDiffSchema } from '../gateway/revs-diff.js';
import { entriesSchema, missingSchema, receiptSchema } from './couch-answers.js';
import { answer, database, prefer, SENT } from './replication-operations.js';

const DOCUMENT = {
  ...{ _id: 'bamenda:r:meter-7:2026-03-03T00:00:00.000Z', _rev: '1-6d0c9b1f2a44', type: 'reading' },
  ...{ village: 'bamenda', node: 'k3f9a2', seq: 120, boot: 1, device: 'meter-7', at: '2026-03-03T00:00:00.000Z' },
  powerW: 402,
};

/** In the order in which their examples can be sent one after the other. */
export const telemetryReplication: readonly Operation[] = [
  {
    ...{ id: 'welcome', method: 'get', path: '/', tag: 'replication', access: 'anyone' },
    summary: 'Who answers here, and what it can',
    answers: answer(
      200,
      'As CouchDB greets',
      json(
        z.object({
          couchdb: z.literal('Welcome'),
          version: z.string(),
          uuid: z.string(),
          features: z.array(z.string()),
          vendor: z.object({ name: z.string(), version: z.string() }),
        }),
      ),
    ),
  },
  ...database('/telemetry', 'Telemetry', 'replication'),
  {
    ...{ id: 'telemetryMissing', method: 'post', path: '/telemetry/_revs_diff', tag: 'replication', ...SENT },
    summary: 'Which of these revisions are missing here',
    body: json(revsDiffSchema),
    answers: answer(200, 'The missing ones, by id', json(missingSchema)),
    examples: {
      one: { body: { [DOCUMENT._id]: [DOCUMENT._rev] }, answer: { [DOCUMENT._id]: { missing: [DOCUMENT._rev] } } },
    },
  },
  {
    ...{ id: 'telemetryWrite', method: 'post', path: '/telemetry/_bulk_docs', tag: 'replication', ...SENT },
    summary: 'Take replicated documents; answered when they are durable',
    description:
      'Bodies may be compressed (`Content-Encoding`: gzip, br). Each document is judged by itself: one of another village, or ' +
      'one that rewrites what is held, is refused in the answer.',
    headers: prefer,
    body: json(bulkDocsSchema),
    answers: answer(201, 'What became of each document', json(entriesSchema)),
    errors: [...SENT.errors, 'busy', 'unavailable'],
    examples: {
      one: {
        headers: { Prefer: 'return=representation' },
        body: { docs: [DOCUMENT], new_edits: false },
        answer: [{ id: DOCUMENT._id, rev: DOCUMENT._rev, ok: true }],
      },
      foreign: {
        body: { docs: [{ ...DOCUMENT, village: 'kumbo' }], new_edits: false },
        answer: [{ id: DOCUMENT._id, error: 'forbidden', reason: 'is not a document of the village bamenda' }],
      },
    },
  },
  {
    ...{ id: 'telemetryReceipt', method: 'get', path: '/telemetry/_receipt', tag: 'replication', access: 'village' },
    summary: "How many of a range of a node's numbers are held, counted from storage now",
    query: receiptQuerySchema,
    answers: answer(200, 'The receipt', json(receiptSchema)),
    errors: ['invalid_request', 'unavailable', 'storage_failed'],
    examples: {
      range: { query: { node: 'k3f9a2', from: '1', to: '120' }, answer: { count: 120, checksum: 282_771_064_104 } },
    },
  },
];
