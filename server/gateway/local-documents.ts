/** `_local/:id` below a database: a village's replication checkpoints, kept apart from every other village's. */
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../../shared/app-error.js';
import { villageOf } from '../roles.js';
import type { LocalDocuments } from '../store/contract.js';
import type { Admission } from './admission.js';
import { jsonFault } from './json-fault.js';

/** A checkpoint keeps up to 50 sessions of history, some 15 KiB. */
const MAX_BYTES = 256 * 1024;
const MAX_NAME_LENGTH = 256;
/** A checkpoint is an object with a list of objects. */
const MAX_DEPTH = 16;
const LOCAL_REVISION = /^0-\d{1,15}$/;

export interface LocalDocumentHandlers {
  get: RequestHandler;
  put: RequestHandler;
  delete: RequestHandler;
}

export interface LocalDocumentHandlersOptions {
  admission: Admission;
  /** Where a village's are kept. */
  documentsOf(village: string): LocalDocuments;
}

export function localDocumentHandlers({ admission, documentsOf }: LocalDocumentHandlersOptions): LocalDocumentHandlers {
  return {
    get: async (request, response) => {
      const { village, name } = named(request, response);
      const found = await documentsOf(village).get(village, name);
      if (!found) throw new AppError('not_found', 'missing');
      response.json({ ...found.body, _id: `_local/${name}`, _rev: found.rev });
    },
    put: async (request, response) => {
      const { village, name } = named(request, response);
      const { rev, body } = contentOf(await admission.smallBody({ village, request, response }, MAX_BYTES), name);
      const kept = await documentsOf(village).put(village, name, body, rev ?? revisionIn(request));
      response.status(201).json({ ok: true, id: `_local/${name}`, rev: kept });
    },
    delete: async (request, response) => {
      const { village, name } = named(request, response);
      await documentsOf(village).delete(village, name, revisionIn(request));
      response.json({ ok: true, id: `_local/${name}`, rev: '0-0' });
    },
  };
}

function named(request: Request, response: Response): { village: string; name: string } {
  const name = String(request.params.id);
  if (name.length > MAX_NAME_LENGTH || !name.isWellFormed() || hasControlCharacter(name)) {
    throw new AppError('invalid_request', `a local id has at most ${MAX_NAME_LENGTH} printable characters`);
  }
  return { village: villageOf(response), name };
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

function contentOf(body: unknown, name: string): { rev: string | undefined; body: Record<string, unknown> } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AppError('invalid_request', 'Document must be a JSON object');
  }
  const { _id, _rev, ...fields } = body as Record<string, unknown>;
  if (_id !== undefined && _id !== `_local/${name}`) {
    throw new AppError('invalid_request', 'Document ID must match the ID of the path');
  }
  const reserved = Object.keys(fields).find((field) => field.startsWith('_'));
  if (reserved !== undefined) {
    throw new AppError('invalid_request', `Bad special document member: ${reserved.slice(0, 64)}`);
  }
  const fault = jsonFault(fields, { maxDepth: MAX_DEPTH });
  if (fault !== undefined) throw new AppError('invalid_request', fault);
  return { rev: revision(_rev), body: fields };
}

function revisionIn(request: Request): string | undefined {
  return revision(request.query.rev);
}

function revision(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && LOCAL_REVISION.test(value)) return value;
  throw new AppError('invalid_request', 'Invalid rev format');
}
