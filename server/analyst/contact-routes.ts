/** `/v1/villages/:id/contacts`: how many requests of a village succeeded and failed, hour by hour, silent hours included. */
import { Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { instantSchema } from '../../shared/documents.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { formatInstant } from '../../shared/time.js';
import { parseParameters } from '../../shared/validation.js';
import { firstKeptHour, type HourCount, hourOf, MS_PER_HOUR } from '../gateway/contact-hours.js';
import type { Roles } from '../roles.js';
import { type AnalystContext, findVillage } from './analyst-context.js';

const DEFAULT_HOURS = 7 * 24;

export const contactsQuerySchema = z.strictObject({
  from: instantSchema.optional().describe('From the hour of this moment on; a week before `to` unless given'),
  to: instantSchema.optional().describe('Up to this moment, the hour it lies in included; now unless given'),
});

/** The hour that begins then. */
export interface ContactHour extends HourCount {
  hour: string;
}

export interface ContactsView {
  village: string;
  from: string;
  to: string;
  items: ContactHour[];
}

export function contactRoutes(context: AnalystContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/:id/contacts')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      const nowMs = context.clock.now();
      const asked = parseQuery(request.query, nowMs);
      const { id: village, createdAt } = await findVillage(context, request.params.id);
      // There is nothing to tell of hours before, and none that are still to come.
      const from = Math.max(asked.from, firstKeptHour(nowMs), hourOf(Date.parse(createdAt)));
      const to = Math.max(from, Math.min(asked.to, hourOf(nowMs) + 1));
      const found = await context.contacts.history.between(village, from, to);
      const view: ContactsView = {
        ...{ village, from: startOf(from), to: startOf(to) },
        items: found.map(({ hour, succeeded, failed }) => ({ hour: startOf(hour), succeeded, failed })),
      };
      response.json(view);
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** Hours since 1970, `to` left out. Throws `invalid_request` that names the parameter. */
function parseQuery(parameters: unknown, nowMs: number): { from: number; to: number } {
  const { from, to } = parseParameters(contactsQuerySchema, parameters);
  const toHour = Math.ceil((to === undefined ? nowMs + 1 : Date.parse(to)) / MS_PER_HOUR);
  const fromHour = from === undefined ? toHour - DEFAULT_HOURS : hourOf(Date.parse(from));
  if (fromHour >= toHour) throw new AppError('invalid_request', 'the parameter from must be before to');
  return { from: fromHour, to: toHour };
}

function startOf(hour: number): string {
  return formatInstant(hour * MS_PER_HOUR);
}
