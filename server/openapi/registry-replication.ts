/** The replication endpoints of a village's registry. */
import { z } from 'zod';
import { json, type Operation } from '../../shared/openapi/operation.js';
import { bulkDocsSchema } from '../gateway/bulk-docs.js';
import { bulkGetSchema } from '../gateway/registry-revisions.js';
import { revsDiffSchema } from '../gateway/revs-diff.js';
import { changesSchema, entriesSchema, foundSchema, missingSchema } from './couch-answers.js';
import { answer, database, prefer, SENT } from './replication-operations.js';

const REGISTERED = { _id: 'device:meter-8', _rev: '1-aa11', model: 'DDS-353', serial: '24-0118', role: 'customer' };

/** In the order in which their examples can be sent one after the other. */
export const registryReplication: readonly Operation[] = [
  ...database('/registry-:village', 'Registry', 'replication'),
  {
    ...{ id: 'registryMissing', method: 'post', path: '/registry-:village/_revs_diff', tag: 'replication', ...SENT },
    summary: 'Which of these revisions are missing here',
    body: json(revsDiffSchema),
    answers: answer(200, 'The missing ones, by id', json(missingSchema)),
    examples: { one: { body: { [REGISTERED._id]: [REGISTERED._rev] } } },
  },
  {
    ...{ id: 'registryWrite', method: 'post', path: '/registry-:village/_bulk_docs', tag: 'replication', ...SENT },
    summary: 'Take replicated documents; answered when they are durable',
    headers: prefer,
    body: json(bulkDocsSchema),
    answers: answer(201, 'What became of each document', json(entriesSchema)),
    examples: {
      one: { headers: { Prefer: 'return=representation' }, body: { docs: [REGISTERED], new_edits: false } },
    },
  },
  {
    ...{ id: 'registryRevisions', method: 'post', path: '/registry-:village/_bulk_get', tag: 'replication', ...SENT },
    summary: 'Read revisions',
    query: z.object({
      revs: z.string().optional().describe('`true`: with their history'),
      latest: z.string().optional().describe('`true`: the leaves that a revision led to'),
    }),
    body: json(bulkGetSchema),
    answers: answer(
      200,
      'The revisions in the order asked for',
      json(z.object({ results: z.array(z.object({ id: z.string(), docs: z.array(foundSchema) })) })),
    ),
    examples: { one: { query: { revs: 'true' }, body: { docs: [{ id: REGISTERED._id, rev: REGISTERED._rev }] } } },
  },
  {
    ...{ id: 'registryCommit', method: 'post', path: '/registry-:village/_ensure_full_commit', tag: 'replication' },
    access: 'village',
    summary: 'What was acknowledged is durable',
    answers: answer(201, 'It is', json(z.object({ ok: z.literal(true), instance_start_time: z.string() }))),
  },
  {
    ...{ id: 'registryChanges', method: 'get', path: '/registry-:village/_changes', tag: 'replication' },
    access: 'village',
    summary: 'What was changed, with all leaves; at once, or as soon as there is something',
    description: 'Parameters as CouchDB has them; those that change nothing here are passed over.',
    query: z.object({
      since: z.string().optional().describe('A position of an earlier answer, or `now`'),
      limit: z.string().optional(),
      feed: z.string().optional().describe('`normal` or `longpoll`'),
      include_docs: z.string().optional().describe('`true`: with the documents'),
      timeout: z.string().optional().describe('Milliseconds that a `longpoll` waits'),
      heartbeat: z.string().optional().describe('Milliseconds between the line ends of a `longpoll`'),
    }),
    answers: answer(200, 'The changes', json(changesSchema)),
    errors: ['invalid_request'],
    examples: { all: { query: { include_docs: 'true', limit: '10' } } },
  },
  {
    ...{ id: 'registryOpenRevisions', method: 'get', path: '/registry-:village/:id', tag: 'replication' },
    access: 'village',
    summary: 'Read revisions of a document; for replicators that know no `_bulk_get`',
    query: z.object({
      open_revs: z.string().describe('`all`, or a JSON list of revisions'),
      revs: z.string().optional().describe('`true`: with their history'),
      latest: z.string().optional().describe('`true`: the leaves that a revision led to'),
    }),
    answers: answer(200, 'The revisions', json(z.array(foundSchema))),
    errors: ['invalid_request', 'not_found'],
    pathExamples: { id: REGISTERED._id },
    examples: { all: { query: { open_revs: 'all' } } },
  },
];
