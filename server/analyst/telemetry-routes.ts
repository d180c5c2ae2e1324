/**
 * `/v1/villages/:id/readings` and `/predictions`: a page as JSON, or everything that matches as an NDJSON or CSV
 * stream.
 */
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import type { PostedType, TelemetryDocument } from '../../shared/documents.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { type LongAnswer, sendLong } from '../../shared/http/long-answer.js';
import {
  listTelemetry,
  parseTelemetryQuery,
  streamTelemetry,
  type TelemetryQuery,
} from '../../shared/telemetry-list.js';
import { parseParameters } from '../../shared/validation.js';
import type { Roles } from '../roles.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { csvLines, ndjsonLines } from './export.js';
import { rememberingSeries, sampleOf } from './field-sample.js';

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
    const { format: formatText, fields: fieldsText, ...parameters } = request.query;
    const query = parseTelemetryQuery(parameters);
    const { format, fields } = parseForm({ format: formatText, fields: fieldsText });
    const village = await findVillage(context, request.params.id);
    const reader = rememberingSeries(context.store().telemetry);
    if (format === 'json') {
      response.json(await listTelemetry([reader], village.id, type, query));
      return;
    }
    const limit = parameters.limit === undefined ? Number.POSITIVE_INFINITY : query.limit;
    const documents = firstOf(streamTelemetry([reader], village.id, type, query), limit);
    const sample = () => sampleOf(reader, village.id, type, query);
    const lines = format === 'csv' ? csvLines({ type, documents, sample, fields }) : ndjsonLines(documents);
    const answer: LongAnswer = {
      contentType: CONTENT_TYPES[format],
      fileName: fileName(village.id, type, query, format),
      lines,
    };
    await sendLong(response, answer, context.log);
  };
}

const CONTENT_TYPES = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
} as const;

const FIELDS_WANTED = 'must be up to 64 names of measurements with commas between them, such as powerW,energyKwh';
const FIELDS = /^[a-z][A-Za-z0-9]{0,63}(?:,[a-z][A-Za-z0-9]{0,63}){0,63}$/;
/** Columns a file has anyway. */
const FIXED_COLUMNS: ReadonlySet<string> = new Set(['at', 'for', 'device', 'model', 'clock', 'node', 'seq', 'boot']);

/** What the centre's lists have besides the parameters of every list. */
export const exportQuerySchema = z.strictObject({
  format: z
    .enum(['json', 'csv', 'ndjson'], { error: 'must be json, csv or ndjson' })
    .default('json')
    .describe('A page, or everything that matches as a file'),
  fields: z
    .string({ error: FIELDS_WANTED })
    .regex(FIELDS, FIELDS_WANTED)
    .optional()
    .describe('With `format=csv`: measurements with commas between them, in the order of the columns'),
});

/** `fields` are names of measurements, each once. Throws `invalid_request`. */
function parseForm(parameters: { format: unknown; fields: unknown }) {
  const { format, fields } = parseParameters(exportQuerySchema, parameters);
  if (fields === undefined) return { format };
  if (format !== 'csv') throw new AppError('invalid_request', 'the parameter fields is for format=csv only');
  const names = [...new Set(fields.split(','))];
  const fixed = names.find((name) => FIXED_COLUMNS.has(name));
  if (fixed === undefined) return { format, fields: names };
  throw new AppError('invalid_request', `the parameter fields must not name ${fixed}: that column is always there`);
}

async function* firstOf(documents: AsyncIterable<TelemetryDocument>, limit: number) {
  let count = 0;
  for await (const document of documents) {
    yield document;
    if (++count >= limit) return;
  }
}

function fileName(village: string, type: PostedType, { from, to }: TelemetryQuery, extension: string): string {
  const range = [from, to].map((at) => (at === undefined ? '' : `-${at.slice(0, 10)}`)).join('');
  return `${village}-${type}s${range}.${extension}`;
}
