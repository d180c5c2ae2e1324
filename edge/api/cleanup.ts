/** `POST /v1/cleanup`: applies the rules of deletion now and tells what they freed and what is kept. */
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseBody } from '../../shared/validation.js';
import type { SpaceKeeper } from '../ledger/space-keeper.js';

export const cleanupBodySchema = z.strictObject({
  allConfirmed: z.boolean().optional().describe('All the centre has confirmed, whatever its age'),
});

/** Answers a `CleanupReport`. */
export function postCleanup(keeper: Pick<SpaceKeeper, 'cleanup'>): RequestHandler {
  return async (request, response) => {
    const { allConfirmed = false } = parseBody(cleanupBodySchema, request.body ?? {}, 'the request body');
    response.json(await keeper.cleanup({ allConfirmed }));
  };
}
