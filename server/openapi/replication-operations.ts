/** What the replication of every database has, in CouchDB's words. */
import { z } from 'zod';
import { type Content, type HeaderParameter, json, type Operation } from '../../shared/openapi/operation.js';
import { couchErrorSchema, infoSchema, keptSchema, localSchema } from './couch-answers.js';

export const prefer: Readonly<Record<string, HeaderParameter>> = {
  Prefer: {
    schema: z.string(),
    description: '`return=representation`: an entry for every document; else only for those that were refused',
  },
};

export const answer = (status: number, description: string, content?: readonly Content[]) =>
  [[status, { description, ...(content ? { content } : {}) }]] as const;

const INFO = {
  db_name: 'telemetry',
  doc_count: 119,
  doc_del_count: 0,
  update_seq: 119,
  instance_start_time: '1772352000',
};

export const SENT = {
  access: 'village',
  errors: ['invalid_request', 'too_large', 'unsupported_media_type', 'timeout'],
} as const;

/** What every database has. */
export function database(path: string, name: 'Telemetry' | 'Registry', tag: string): readonly Operation[] {
  const local = { path: `${path}/_local/:id`, tag, access: 'village', pathExamples: { id: 'checkpoint-1' } };
  return [
    {
      ...{ id: `get${name}Database`, method: 'get', path, tag, access: 'village' },
      summary: 'About the database',
      answers: answer(200, 'As CouchDB tells', json(infoSchema)),
      ...(name === 'Telemetry' ? { examples: { all: { answer: { ...INFO, props: { partitioned: true } } } } } : {}),
    },
    {
      ...{ id: `create${name}Database`, method: 'put', path, tag, access: 'village' },
      summary: 'Is there already; for replicators that create their target first',
      answers: answer(412, 'It is there', json(couchErrorSchema)),
      examples: {
        there: {
          answer: {
            error: 'file_exists',
            reason: 'The database could not be created, the file already exists.',
          },
        },
      },
    },
    {
      ...{ id: `put${name}Local`, method: 'put', ...local },
      summary: 'Keep a checkpoint',
      body: json(z.looseObject({})),
      answers: answer(201, 'It is kept', json(keptSchema)),
      errors: ['invalid_request', 'conflict', 'too_large'],
      examples: {
        first: { body: { last_seq: 119 }, answer: { ok: true, id: '_local/checkpoint-1', rev: '0-1' } },
      },
    },
    {
      ...{ id: `get${name}Local`, method: 'get', ...local },
      summary: 'Read a checkpoint',
      answers: answer(200, 'The checkpoint', json(localSchema)),
      errors: ['invalid_request', 'not_found'],
      examples: { kept: { answer: { _id: '_local/checkpoint-1', _rev: '0-1', last_seq: 119 } } },
    },
    {
      ...{ id: `delete${name}Local`, method: 'delete', ...local },
      summary: 'Forget a checkpoint',
      query: z.object({ rev: z.string().optional().describe('The revision that is meant') }),
      answers: answer(200, 'It is forgotten', json(keptSchema)),
      errors: ['invalid_request', 'not_found', 'conflict'],
      examples: { first: { query: { rev: '0-1' }, answer: { ok: true, id: '_local/checkpoint-1', rev: '0-0' } } },
    },
  ];
}
