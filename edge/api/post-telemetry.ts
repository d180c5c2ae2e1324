/** `POST /v1/readings` and `/v1/predictions`: answers after the data is on the disk. */
import type { RequestHandler } from 'express';
import { z } from 'zod';
import type { PostedType } from '../../shared/documents.js';
import { parseParameters } from '../../shared/validation.js';
import type { RefusedDocument } from '../ledger/ingest-queue.js';
import type { NodeParts } from '../node-parts.js';
import { bodyError, parsePostedBody } from './posted-body.js';

export const postQuerySchema = z.strictObject({
  partial: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .optional()
    .describe('What is good is taken, and what is not is named; else one fault refuses the whole request'),
});

export function postTelemetry({ ingest, ledger }: NodeParts, type: PostedType): RequestHandler {
  return async (request, response) => {
    const partial = isPartial(request.query);
    const body = parsePostedBody(request, type);
    const error = bodyError(body);
    if (error && !partial) throw error;
    if (body.documents.length === 0) {
      response.status(200).json({ accepted: 0, duplicates: 0, lastSeq: ledger.lastSeq, refused: body.refused });
      return;
    }
    const result = await ingest.submit(body.documents, partial);
    const { accepted, duplicates, lastSeq } = result;
    if (!partial) {
      response.status(201).json({ accepted, duplicates, lastSeq });
      return;
    }
    // The queue knows places among the good documents only; the caller knows places in the request.
    const conflicts = result.refused.map(
      (one): RefusedDocument => ({ ...one, index: body.indexes[one.index] ?? one.index }),
    );
    const refused = [...body.refused, ...conflicts].sort((a, b) => a.index - b.index);
    response.status(200).json({ accepted, duplicates, lastSeq, refused });
  };
}

function isPartial(query: Record<string, unknown>): boolean {
  return parseParameters(postQuerySchema, query).partial === 'true';
}
