/**
 * `GET /telemetry/_receipt?node=N&from=A&to=B`: what the centre holds of a range of a node's numbers, counted from its
 * storage at the time of asking. See `docs/receipts.md`.
 */
import type { Request, RequestHandler } from 'express';
import { AppError } from '../../shared/app-error.js';
import { villageOf } from '../roles.js';
import type { GatewayContext } from './gateway-context.js';

const NODE = /^[a-z0-9]{4,12}$/;
const NUMBER = /^[1-9]\d{0,15}$/;

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

function rangeOf(query: Request['query']): { node: string; from: number; to: number } {
  const { node } = query;
  if (typeof node !== 'string' || !NODE.test(node)) {
    throw new AppError('invalid_request', 'node must be given once, 4 to 12 lower-case letters or digits');
  }
  const from = numberOf('from', query.from);
  const to = numberOf('to', query.to);
  if (from > to) throw new AppError('invalid_request', 'from must not be greater than to');
  return { node, from, to };
}

function numberOf(name: string, text: unknown): number {
  const value = typeof text === 'string' && NUMBER.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new AppError('invalid_request', `${name} must be given once, a whole number from 1 to 2^53 - 1`);
}
