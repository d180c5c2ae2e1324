/** `/telemetry/_local/:id`: a village's replication checkpoints, kept apart from every other village's. */
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../../shared/app-error.js';
import { villageOf } from '../roles.js';
import type { GatewayContext } from './gateway-context.js';

/** A checkpoint keeps up to 50 sessions of history, some 15 KiB. */
const MAX_BYTES = 256 * 1024;
const MAX_NAME_LENGTH = 256;
const LOCAL_REVISION = /^0-\d{1,15}$/;

export interface LocalDocumentHandlers {
  get: RequestHandler;
  put: RequestHandler;
  delete: RequestHandler;
}

export function localDocumentHandlers({ store, admission }: GatewayContext): LocalDocumentHandlers {
  return {
    get: async (request, response) => {
      const { village, name } = named(request, response);
      const found = await store().local.get(village, name);
      if (!found) throw new AppError('not_found', 'missing');
      response.json({ ...found.body, _id: `_local/${name}`, _rev: found.rev });
    },
    put: async (request, response) => {
      const { village, name } = named(request, response);
      const { rev, body } = contentOf(await admission.smallBody({ village, request, response }, MAX_BYTES), name);
      const kept = await store().local.put(village, name, body, rev ?? revisionIn(request));
      response.status(201).json({ ok: true, id: `_local/${name}`, rev: kept });
    },
    delete: async (request, response) => {
      const { village, name } = named(request, response);
      await store().local.delete(village, name, revisionIn(request));
      response.json({ ok: true, id: `_local/${name}`, rev: '0-0' });
    },
  };
}

function named(request: Request, response: Response): { village: string; name: string } {
  const name = String(request.params.id);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (name.length > MAX_NAME_LENGTH || !name.isWellFormed() || /[\u0000-\u001f\u007f]/.test(name)) {
    throw new AppError('invalid_request', `a local id has at most ${MAX_NAME_LENGTH} printable characters`);
  }
  return { village: villageOf(response), name };
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
  const fault = faultIn(fields);
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

/** A checkpoint is an object with a list of objects. */
const MAX_DEPTH = 16;

/**
 * What no store keeps as it was sent, if anything. Level by level, without recursion: the body may be nested deeper than the
 * stack is.
 */
function faultIn(value: object): string | undefined {
  let level: object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return 'the document is nested too deep';
    const entries: [string, unknown][] = level.flatMap((one) => Object.entries(one));
    for (const [name, inner] of entries) {
      if (name === '__proto__') return 'a member may not be named __proto__';
      const isBroken = !name.isWellFormed() || (typeof inner === 'string' && !inner.isWellFormed());
      if (isBroken) return 'the document has a text that is not well-formed Unicode';
    }
    level = entries.flatMap(([, inner]) => (typeof inner === 'object' && inner !== null ? [inner] : []));
  }
  return undefined;
}
