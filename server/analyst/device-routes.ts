/** `/v1/villages/:id/devices`: every device of which there is a reading, however old. */
import { Router } from 'express';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonList, sendLong } from '../../shared/http/long-answer.js';
import { refuseParameters } from '../../shared/http/registry-requests.js';
import type { RangeReader } from '../../shared/range-reader.js';
import type { Roles } from '../roles.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { devicesOf } from './energy-source.js';

export function deviceRoutes(context: AnalystContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/:id/devices')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      refuseParameters(request.query);
      const village = await findVillage(context, request.params.id);
      const lines = jsonList('items', shownDevices(context.store().telemetry, village.id));
      await sendLong(response, { contentType: 'application/json; charset=utf-8', lines }, context.log);
    })
    .all(methodNotAllowed('GET'));
  return router;
}

async function* shownDevices(reader: RangeReader, village: string): AsyncGenerator<{ device: string }> {
  for await (const device of devicesOf(reader, village)) yield { device };
}
