/** What can be done with a village's registry: the same at the node and, below the village, at the centre. */
import { z } from 'zod';
import { traceQuerySchema } from '../http/registry-requests.js';
import { choiceSchema } from '../registry/registry.js';
import { REGISTRY_SCHEMAS, REGISTRY_TYPES } from '../registry/registry-documents.js';
import { deletedSchema, registryListSchema, registryViewSchema, tracePageSchema } from './answers.js';
import type { PathParameter } from './document.js';
import { type HeaderParameter, json, type Operation } from './operation.js';
import { CONFLICT, DEVICE, DEVICE_VIEW, IF_MATCH, TRACE } from './registry-examples.js';

const { device, tariff, threshold, profile } = REGISTRY_SCHEMAS;

/** A document as it is sent; by the type of the path. */
export const anyRegistryDocument = z.union([device, tariff, threshold, profile]);

export const REGISTRY_NAMED = {
  Device: device,
  Tariff: tariff,
  Threshold: threshold,
  Profile: profile,
  Settlement: choiceSchema,
} as const;

export const REGISTRY_PARAMETERS = {
  type: { schema: z.enum(REGISTRY_TYPES), description: 'The type of the document', example: 'device' },
} as const satisfies Record<string, PathParameter>;

export interface RegistryOperationsOptions {
  /** Of the whole registry, such as `/v1/registry`. */
  path: string;
  historyPath: string;
  settlementPath: string;
  /** Names of accesses. */
  reads: string;
  edits: string;
  /** Headers that editing requests may have besides `If-Match`. */
  headers?: Readonly<Record<string, HeaderParameter>>;
}

const ifMatch: Readonly<Record<string, HeaderParameter>> = {
  'If-Match': {
    schema: z.string(),
    description: 'The revision the edit builds on, as its ETag gave it',
  },
};

const ifNoneMatch: Readonly<Record<string, HeaderParameter>> = {
  'If-None-Match': { schema: z.string(), description: 'An ETag; where it is the present one the answer is 304' },
};

const pathExamples = { type: 'device', id: 'meter-7' };
const ETAG = { ETag: 'The revision, in quotation marks' };
const VIEW = { description: 'The document', content: json(registryViewSchema), headers: ETAG };
const EDITED: NonNullable<Operation['errors']> = [
  ...(['invalid_request', 'not_found', 'conflict', 'precondition_failed', 'precondition_required'] as const),
  ...(['too_large', 'unsupported_media_type', 'storage_failed', 'storage_full'] as const),
];
const CHANGED = { ...DEVICE_VIEW, _rev: '2-9c40a7de2f7b4f0f8f8e6b1d7c6a5b43', phase: 2 };

export function registryOperations(options: RegistryOperationsOptions): readonly Operation[] {
  return [...readOperations(options), ...editOperations(options), settlement(options)];
}

/** To be put at the end: what it deletes others need. */
export function registryDeletion({ path, edits: access, headers = {} }: RegistryOperationsOptions): Operation {
  return {
    ...{ id: 'deleteRegistryDocument', method: 'delete', path: `${path}/:type/:id`, tag: 'registry', access },
    pathExamples,
    summary: 'Delete a document',
    description: 'A tariff whose time has come is history and stays (409).',
    headers: { ...ifMatch, ...headers },
    answers: [[204, { description: 'It is deleted' }]],
    errors: EDITED,
    examples: { latest: { headers: { 'If-Match': IF_MATCH } } },
  };
}

function readOperations({ path, historyPath, reads: access }: RegistryOperationsOptions): readonly Operation[] {
  const page = {
    query: traceQuerySchema,
    answers: [[200, { description: 'One page, the newest first', content: json(tracePageSchema) }]],
    errors: ['invalid_request', 'not_found'],
    examples: { newest: { query: { limit: '10' }, answer: { items: [TRACE] } } },
  } as const satisfies Partial<Operation>;
  const list = [[200, { description: 'All of them', content: json(registryListSchema) }]] as const;
  return [
    {
      ...{ id: 'listRegistry', method: 'get', path, tag: 'registry', access },
      summary: 'List all documents of the registry',
      answers: list,
      examples: { all: { answer: { items: [DEVICE_VIEW] } } },
    },
    {
      ...{ id: 'listRegistryType', method: 'get', path: `${path}/:type`, tag: 'registry', access },
      summary: 'List the documents of a type',
      answers: list,
      errors: ['not_found'],
    },
    {
      ...{ id: 'getRegistryDocument', method: 'get', path: `${path}/:type/:id`, tag: 'registry', access },
      pathExamples,
      summary: 'Read a document',
      headers: ifNoneMatch,
      answers: [
        [200, VIEW],
        [304, { description: 'It is as `If-None-Match` has it' }],
      ],
      errors: ['invalid_request', 'not_found'],
    },
    {
      ...{ id: 'registryDocumentHistory', method: 'get', path: `${path}/:type/:id/history`, tag: 'registry', access },
      pathExamples,
      summary: 'What was done to a document, by whom, when',
      ...page,
    },
    {
      ...{ id: 'registryHistory', method: 'get', path: historyPath, tag: 'registry', access },
      summary: 'What was done to all documents',
      ...page,
    },
  ];
}

function editOperations({ path, edits: access, headers = {} }: RegistryOperationsOptions): readonly Operation[] {
  return [
    {
      ...{ id: 'putRegistryDocument', method: 'put', path: `${path}/:type/:id`, tag: 'registry', access },
      pathExamples,
      summary: 'Store a document whole',
      description:
        'What it leaves out is removed. Where there is one already, `If-Match` is needed. Fields not named here are kept as they are. The same again changes nothing. ' +
        'An answer can be sent back as it is. The schema is the one of the type.',
      headers: { ...ifMatch, ...headers },
      body: json(anyRegistryDocument),
      answers: [
        [200, VIEW],
        [201, { ...VIEW, description: 'The document, which is new' }],
      ],
      errors: EDITED,
      examples: {
        changed: { headers: { 'If-Match': IF_MATCH }, body: { ...DEVICE, phase: 2 }, answer: CHANGED },
        unnamed: {
          ...{ body: { ...DEVICE, phase: 3 }, status: 428 },
          answer: {
            error: {
              code: 'precondition_required',
              message:
                'device:meter-7 exists: name the revision the edit is based on in If-Match, as its ETag gives it',
            },
          },
        },
      },
    },
  ];
}

function settlement({ settlementPath: path, edits: access, headers = {} }: RegistryOperationsOptions): Operation {
  return {
    ...{ id: 'settleConflict', method: 'post', path, tag: 'registry', access },
    pathExamples,
    summary: 'Settle a conflict: keep one of its versions, or say what the document is',
    description:
      'A merged document may change fields that nobody disagrees on only with an `If-Match` of the revision it was merged from.',
    headers: { ...ifMatch, ...headers },
    body: json(choiceSchema),
    answers: [
      [200, { description: 'The document as it is now, or that it is deleted', content: json(SETTLED), headers: ETAG }],
    ],
    errors: EDITED,
    examples: {
      noVersion: {
        ...{ body: { keep: '1-00000000' }, status: 400 },
        answer: {
          error: {
            code: 'invalid_request',
            message:
              'the conflict of device:meter-7 has no version with the rev to keep; it may have changed since it was listed',
          },
        },
      },
      merged: { headers: { 'If-Match': IF_MATCH }, body: { doc: CONFLICT.versions[1]?.doc }, answer: DEVICE_VIEW },
    },
  };
}

const SETTLED = z.union([registryViewSchema, deletedSchema]);
