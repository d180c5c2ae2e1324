/**
 * `/v1/villages/:id/readings` and `/predictions`: a page as JSON, or everything that matches as an NDJSON or CSV
 * stream.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type RequestHandler, type Response, Router } from 'express';
import { AppError, codeOf, messageOf } from '../../shared/app-error.js';
import type { PostedType, TelemetryDocument } from '../../shared/documents.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import type { Logger } from '../../shared/logger.js';
import {
  listTelemetry,
  parseTelemetryQuery,
  streamTelemetry,
  type TelemetryQuery,
} from '../../shared/telemetry-list.js';
import type { Roles } from '../roles.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { csvExport, ndjsonExport } from './export.js';

const FORMATS = {
  csv: { type: 'text/csv; charset=utf-8; header=present', write: csvExport },
  ndjson: { type: 'application/x-ndjson; charset=utf-8', write: ndjsonExport },
} as const;

export function telemetryRoutes(context: AnalystContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  const reads = roles.require('analyst', 'admin');
  for (const [path, type] of [
    ['/:id/readings', 'reading'],
    ['/:id/predictions', 'prediction'],
  ] as const) {
    router.route(path).get(reads, telemetryHandler(context, type)).all(methodNotAllowed('GET'));
  }
  return router;
}

function telemetryHandler(context: AnalystContext, type: PostedType): RequestHandler {
  return async (request, response) => {
    const { format = 'json', ...parameters } = request.query;
    const query = parseTelemetryQuery(parameters);
    const village = await findVillage(context, request.params.id);
    const readers = [context.store().telemetry];
    if (format === 'json') {
      response.json(await listTelemetry(readers, village.id, type, query));
      return;
    }
    if (format !== 'csv' && format !== 'ndjson') {
      throw new AppError('invalid_request', 'the parameter format must be json, csv or ndjson');
    }
    const limit = parameters.limit === undefined ? Number.POSITIVE_INFINITY : query.limit;
    const source = () => firstOf(streamTelemetry(readers, village.id, type, query), limit);
    const { type: contentType, write } = FORMATS[format];
    const name = fileName(village.id, type, query, format);
    await send(response, { name, contentType, parts: write(source) }, context.log);
  };
}

async function* firstOf(documents: AsyncIterable<TelemetryDocument>, limit: number) {
  let count = 0;
  for await (const document of documents) {
    yield document;
    if (++count >= limit) return;
  }
}

interface Export {
  name: string;
  contentType: string;
  parts: AsyncGenerator<string>;
}

/**
 * The first part is made before anything is sent, so that a store that cannot be read is a 503 and not an empty file. A
 * failure later on cuts the connection, which tells the reader that the file is not whole.
 */
async function send(response: Response, { name, contentType, parts }: Export, log: Logger): Promise<void> {
  const first = await parts.next();
  response.attachment(name).set('Content-Type', contentType);
  const all = async function* () {
    if (!first.done) yield first.value;
    yield* parts;
  };
  try {
    await pipeline(Readable.from(all(), { objectMode: true, highWaterMark: 2 }), response);
  } catch (error) {
    if (codeOf(error) === 'ERR_STREAM_PREMATURE_CLOSE') return;
    log.warn('an export broke off', { error: messageOf(error) });
  }
}

function fileName(village: string, type: PostedType, { from, to }: TelemetryQuery, extension: string): string {
  const range = [from, to].map((at) => (at === undefined ? '' : `-${at.slice(0, 10)}`)).join('');
  return `${village}-${type}s${range}.${extension}`;
}
