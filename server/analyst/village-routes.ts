/**
 * `/v1/villages`: analysts read, the admin adds, rotates and disables. A credential is shown in the answer that made it
 * and never again. What is held of a village's numbers is told of one village, and of all with `?numbers=true`.
 */
import { Router } from 'express';
import { z } from 'zod';
import { villageIdSchema } from '../../shared/documents.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import { formatInstant } from '../../shared/time.js';
import { parseBody, parseParameters } from '../../shared/validation.js';
import type { NumbersMemory } from '../alerts/numbers-memory.js';
import { createCredential, hashCredential } from '../gateway/credential.js';
import { DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS, rotated } from '../gateway/credential-rotation.js';
import { regionSchema } from '../registry/village-selection.js';
import { RESERVED_USERS, type Roles } from '../roles.js';
import type { VillageRecord } from '../store/contract.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { pageOf, parseVillageList, villageListSchema } from './village-page.js';
import { type VillageView, viewOf, viewsWithNumbers, withMissing } from './village-view.js';

const MAX_BODY_BYTES = 16 * 1024;

export const newVillageSchema = z.strictObject({
  id: villageIdSchema
    .refine((id) => !RESERVED_USERS.has(id), 'is the name of a user of the centre')
    .describe('Kept in lower case'),
  name: z.string().min(1).max(200).optional(),
  lat: z.number().min(-90).max(90).optional(),
  lon: z.number().min(-180).max(180).optional(),
  region: regionSchema.optional().describe('Under which many villages are chosen at once'),
});

export const rotationSchema = z.strictObject({
  overlapHours: z
    .number()
    .min(0)
    .max(MAX_OVERLAP_HOURS)
    .default(DEFAULT_OVERLAP_HOURS)
    .describe('How long the old credential stays good; 0 ends it at once'),
});

/** Of one village the numbers are told in any case. */
export const villageQuerySchema = z.strictObject({
  numbers: villageListSchema.shape.numbers.describe('Taken as it is for the list; they are told in any case'),
});

export interface VillageContext extends AnalystContext {
  memory: NumbersMemory;
}

export function villageRoutes(context: VillageContext, roles: Roles): Router {
  const { store, directory, clock } = context;
  const reads = roles.require('analyst', 'admin');
  const administers = roles.require('admin');
  const router = Router({ caseSensitive: true });

  const view = (record: VillageRecord) =>
    withMissing(viewOf(context.contacts.complete(record), clock.now(), context.silentAfterHours), context.memory);
  const withNumbers = (records: readonly VillageRecord[]) => viewsWithNumbers(context, records);
  /** In the order of the views. */
  const numbersOf = (views: readonly VillageView[], records: readonly VillageRecord[]) => {
    const byId = new Map(records.map((record) => [record.id, record]));
    return withNumbers(views.flatMap(({ id }) => byId.get(id) ?? []));
  };

  /** Stores the change and lets no cached record of the village outlive it here. */
  const change = async (name: unknown, edit: (record: VillageRecord) => VillageRecord) => {
    const { id } = await findVillage(context, name);
    await store().villages.update(id, edit);
    directory.forget(id);
    return id;
  };

  router
    .route('/')
    .get(reads, async (request, response) => {
      const query = parseVillageList(request.query);
      const records = await store().villages.list();
      const page = pageOf(records.map(view), query);
      response.json(query.numbers === 'true' ? { ...page, items: await numbersOf(page.items, records) } : page);
    })
    .post(administers, jsonBody(MAX_BODY_BYTES), async (request, response) => {
      const village = newVillageOf(request.body);
      const password = createCredential();
      await store().villages.create({
        ...village,
        credentialHash: hashCredential(password),
        createdAt: formatInstant(clock.now()),
      });
      directory.forget(village.id);
      response.status(201).json({ id: village.id, user: village.id, password });
    })
    .all(methodNotAllowed('GET', 'POST'));

  router
    .route('/:id')
    .get(reads, async (request, response) => {
      parseParameters(villageQuerySchema, request.query);
      const [found] = await withNumbers([await findVillage(context, request.params.id)]);
      response.json(found);
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/:id/rotate')
    .post(administers, jsonBody(MAX_BODY_BYTES), async (request, response) => {
      const { overlapHours } = parseBody(rotationSchema, request.body ?? {});
      const password = createCredential();
      const credentialHash = hashCredential(password);
      const rotation = { nowMs: clock.now(), overlapHours };
      const id = await change(request.params.id, (record) => rotated(record, credentialHash, rotation));
      response.status(201).json({ id, user: id, password });
    })
    .all(methodNotAllowed('POST'));

  router
    .route('/:id/disable')
    .post(administers, async (request, response) => {
      const now = formatInstant(clock.now());
      const id = await change(request.params.id, (record) => ({ ...record, disabledAt: record.disabledAt ?? now }));
      response.json({ id, disabled: true });
    })
    .all(methodNotAllowed('POST'));

  return router;
}

function newVillageOf(body: unknown): Omit<VillageRecord, 'credentialHash' | 'createdAt'> {
  const { id, name, lat, lon, region } = parseBody(newVillageSchema, body ?? {});
  return {
    id,
    ...(name === undefined ? {} : { name }),
    ...(lat === undefined ? {} : { lat }),
    ...(lon === undefined ? {} : { lon }),
    ...(region === undefined ? {} : { region }),
  };
}
