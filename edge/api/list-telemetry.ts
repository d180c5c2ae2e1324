/** `GET /v1/readings` and `/v1/predictions`: what the node still keeps, page by page in order of time. */
import type { RequestHandler } from 'express';
import type { PostedType } from '../../shared/documents.js';
import { sendJson } from '../../shared/http/send-json.js';
import { listTelemetry, parseTelemetryQuery } from '../../shared/telemetry-list.js';
import type { NodeParts } from '../node-parts.js';

export function listHandler({ ledger, config }: NodeParts, type: PostedType): RequestHandler {
  return async (request, response) => {
    const query = parseTelemetryQuery(request.query);
    await sendJson(request, response, await listTelemetry(ledger.segments, config.VILLAGE_ID, type, query));
  };
}
