/** What concerns the registries of many villages: open conflicts, and one document for many. */
import { z } from 'zod';
import { type HeaderParameter, json, type Operation } from '../../shared/openapi/operation.js';
import { CONFLICT, DEVICE } from '../../shared/openapi/registry-examples.js';
import { anyRegistryDocument } from '../../shared/openapi/registry-operations.js';
import { conflictQuerySchema } from '../registry/conflict-list.js';
import { pushBodySchema } from '../registry/push-routes.js';
import { selectionForms } from '../registry/village-selection.js';
import { conflictPageSchema, outcomesSchema } from './village-answers.js';
import { found } from './village-operations.js';

export const AUTHOR: Readonly<Record<string, HeaderParameter>> = {
  'X-Author': { schema: z.string(), description: 'Who edits, 1 to 64 characters in UTF-8; `admin` without' },
};

/** The document is held against the schema of its type before anything is written. */
export const pushSchema = pushBodySchema.extend({ villages: selectionForms, doc: anyRegistryDocument });

export const registryFleetOperations: readonly Operation[] = [
  {
    ...{ id: 'listConflicts', method: 'get', path: '/v1/conflicts', tag: 'registry', access: 'readers' },
    summary: 'List what was edited on both sides and awaits a person',
    query: conflictQuerySchema,
    answers: found('One page, by village', conflictPageSchema),
    errors: ['invalid_request', 'not_found'],
    examples: {
      village: {
        query: { village: 'bamenda', limit: '20' },
        answer: { items: [{ village: 'bamenda', ...CONFLICT }] },
      },
    },
  },
  {
    ...{ id: 'pushRegistryDocument', method: 'post', path: '/v1/registry/:type/:id', tag: 'registry', access: 'admin' },
    summary: 'Store a document in many villages',
    description: 'Answered village by village; repeating is safe, and finishes what broke off.',
    headers: AUTHOR,
    body: json(pushSchema),
    answers: found('What became of it in each village', outcomesSchema),
    errors: ['invalid_request', 'not_found', 'too_large', 'unsupported_media_type'],
    pathExamples: { id: 'meter-9' },
    examples: {
      named: {
        headers: { 'X-Author': 'amina' },
        body: { villages: ['bamenda', 'nowhere'], doc: DEVICE },
        answer: {
          items: [
            { village: 'bamenda', ok: true, rev: '1-0b7566c5ad0f4d3a9c1b2e7f60d1a8e4' },
            { village: 'nowhere', ok: false, error: { code: 'not_found', message: 'there is no village "nowhere"' } },
          ],
        },
      },
      region: { body: { villages: { region: 'north-west' }, doc: DEVICE } },
      all: { body: { villages: 'all', doc: DEVICE } },
    },
  },
];
