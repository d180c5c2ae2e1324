/**
 * `GET /telemetry/_receipt?node=N&from=A&to=B`: what the centre holds of a range of a node's numbers, counted from its
 * storage at the time of asking. See `docs/receipts.md`.
 */
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { problemsOf, sentenceOf } from '../../shared/validation.js';
import { villageOf } from '../roles.js';
import type { GatewayContext } from './gateway-context.js';

const NODE_WANTED = 'must be given once, 4 to 12 lower-case letters or digits';
const NUMBER_WANTED = 'must be given once, a whole number from 1 to 2^53 - 1';

const number = z
  .string({ error: NUMBER_WANTED })
  .regex(/^[1-9]\d{0,15}$/, NUMBER_WANTED)
  .transform(Number)
  .refine((value) => value <= Number.MAX_SAFE_INTEGER, NUMBER_WANTED);

export const receiptQuerySchema = z.object({
  node: z
    .string({ error: NODE_WANTED })
    .regex(/^[a-z0-9]{4,12}$/, NODE_WANTED)
    .describe('Name of the store that gave the numbers'),
  from: number.describe('The first number of the range'),
  to: number.describe('The last number of the range, itself included'),
});

export function receiptHandler({ store }: GatewayContext): RequestHandler {
  return async (request, response) => {
    const village = villageOf(response);
    const { node, from, to } = rangeOf(request.query);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { count, checksum } = await store().receipt(village, node, from, to, gone.signal);
    response.json({ count, checksum });
  };
}

function rangeOf(query: Request['query']): z.infer<typeof receiptQuerySchema> {
  const parsed = receiptQuerySchema.safeParse(query);
  if (!parsed.success) throw new AppError('invalid_request', sentenceOf(problemsOf(parsed.error).slice(0, 1)));
  if (parsed.data.from <= parsed.data.to) return parsed.data;
  throw new AppError('invalid_request', 'from must not be greater than to');
}
