/** `POST /v1/cleanup`: applies the rules of deletion now and tells what they freed and what is kept. */
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { problemsOf, sentenceOf } from '../../shared/validation.js';
import type { SpaceKeeper } from '../ledger/space-keeper.js';

const bodySchema = z.strictObject({ allConfirmed: z.boolean().optional() });

/** Answers a `CleanupReport`. */
export function postCleanup(keeper: Pick<SpaceKeeper, 'cleanup'>): RequestHandler {
  return async (request, response) => {
    const parsed = bodySchema.safeParse(request.body ?? {});
    if (!parsed.success) {
      const details = problemsOf(parsed.error);
      throw new AppError('invalid_request', sentenceOf(details, 'the request body'), { details });
    }
    response.json(await keeper.cleanup({ allConfirmed: parsed.data.allConfirmed === true }));
  };
}
