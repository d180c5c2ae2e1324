/** CouchDB's own queries for analysts: they read and nothing else. */
import { z } from 'zod';
import { json, type Operation } from '../../shared/openapi/operation.js';
import { findSchema, parametersSchema } from '../analyst/couch-query-check.js';
import { rowsSchema } from './couch-answers.js';
import { answer } from './replication-operations.js';

const PARTITION = '/telemetry/_partition/:village';
const VIEW = { design: 'mine', view: 'by-power' };
/** Of a store that is no CouchDB, and of a CouchDB without the view. */
const NO_VIEW = ['invalid_request', 'not_found', 'not_implemented'] as const;

export const queryOperations: readonly Operation[] = [
  {
    ...{
      id: 'partitionDocuments',
      method: 'get',
      path: `${PARTITION}/_all_docs`,
      tag: 'queries',
      access: 'couchReaders',
    },
    summary: "A village's documents by id",
    query: parametersSchema('documents'),
    answers: answer(200, 'As CouchDB answers', json(rowsSchema)),
    errors: ['invalid_request'],
    examples: { first: { query: { limit: '1', include_docs: 'true' } } },
  },
  {
    ...{ id: 'partitionFind', method: 'post', path: `${PARTITION}/_find`, tag: 'queries', access: 'couchReaders' },
    summary: "A village's documents by any of their fields; needs a CouchDB",
    body: json(findSchema),
    answers: answer(200, 'As CouchDB answers', json(z.looseObject({ docs: z.array(z.looseObject({})) }))),
    errors: ['invalid_request', 'too_large', 'unsupported_media_type', 'not_implemented'],
    examples: { power: { body: { selector: { powerW: { $gt: 400 } }, limit: 5 } } },
  },
  ...([`${PARTITION}/_design/:design/_view/:view`, '/telemetry/_design/:design/_view/:view'] as const).map(
    (path, n): Operation => ({
      ...{ id: n === 0 ? 'partitionView' : 'globalView', method: 'get', path, tag: 'queries', access: 'couchReaders' },
      summary: `A view of ${n === 0 ? 'one village' : 'all villages'} that the operator has put there; needs a CouchDB`,
      query: parametersSchema('view'),
      pathExamples: VIEW,
      answers: answer(200, 'As CouchDB answers', json(rowsSchema)),
      errors: NO_VIEW,
      examples: { grouped: { query: { group: 'true', limit: '10' } } },
    }),
  ),
];
