/**
 * `POST /telemetry/_revs_diff`: which of a village's revisions are missing here. Ids that are not the village's are
 * reported missing without a look, so nothing is learned about others; sending them then fails one by one.
 */
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { sendJson } from '../../shared/http/send-json.js';
import { villageOf } from '../roles.js';
import type { RevisionsMissing } from '../store/contract.js';
import { assertFew } from './body-density.js';
import type { GatewayContext } from './gateway-context.js';
import { REVISION } from './revision-field.js';

export function revsDiffHandler({ store, admission }: GatewayContext): RequestHandler {
  return async (request, response) => {
    const village = villageOf(response);
    const answer = await admission.withBody({ village, request, response }, async (body) => {
      const asked = revisionsOf(body);
      const own = asked.filter(([id, revs]) => isAskable(id, village) && revs.every((rev) => REVISION.test(rev)));
      const ownIds = new Set(own.map(([id]) => id));
      const missing = own.length === 0 ? {} : await store().revsDiff(Object.fromEntries(own));
      const others = asked.filter(([id, revs]) => !ownIds.has(id) && revs.length > 0);
      return Object.fromEntries<RevisionsMissing[string]>([
        ...Object.entries(missing),
        ...others.map(([id, revs]): [string, RevisionsMissing[string]] => [id, { missing: revs }]),
      ]);
    });
    await sendJson(request, response, answer);
  };
}

function isAskable(id: string, village: string): boolean {
  return id.startsWith(`${village}:`) && id.isWellFormed();
}

const revisionList = z.custom<string[]>(
  (value) => Array.isArray(value) && value.every((rev) => typeof rev === 'string'),
);

/** By id. Not a record of zod's, which passes over one name that an id may have. */
export const revsDiffSchema = z
  .custom<Record<string, string[]>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  .meta({ type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } });

/** The question, checked for its form. */
export function revisionsOf(body: unknown): [string, string[]][] {
  const parsed = revsDiffSchema.safeParse(body);
  if (!parsed.success) {
    throw new AppError('invalid_request', 'the body must be an object of ids, each with a list of revisions');
  }
  const entries = Object.entries(parsed.data);
  assertFew(entries.length, 'ids');
  return entries.map(([id, revs]) => {
    if (revisionList.safeParse(revs).success) return [id, revs];
    throw new AppError('invalid_request', 'each id must have a list of revisions');
  });
}
