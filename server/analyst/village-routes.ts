/**
 * `/v1/villages`: analysts read, the admin adds, rotates and disables. A credential is shown in the answer that made it
 * and never again. What is held of a village's numbers is told of one village, and of all with `?numbers=true`.
 */
import { Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { villageIdSchema } from '../../shared/documents.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { jsonBody } from '../../shared/http/json-body.js';
import { formatInstant } from '../../shared/time.js';
import { problemsOf, sentenceOf } from '../../shared/validation.js';
import { createCredential, hashCredential } from '../gateway/credential.js';
import { RESERVED_USERS, type Roles } from '../roles.js';
import type { VillageRecord } from '../store/contract.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { viewOf, viewsWithNumbers } from './village-view.js';

const MAX_BODY_BYTES = 16 * 1024;

const newVillageSchema = z.strictObject({
  id: villageIdSchema.refine((id) => !RESERVED_USERS.has(id), 'is the name of a user of the centre'),
  name: z.string().min(1).max(200).optional(),
  lat: z.number().min(-90).max(90).optional(),
  lon: z.number().min(-180).max(180).optional(),
});

export function villageRoutes(context: AnalystContext, roles: Roles): Router {
  const { store, directory, clock } = context;
  const reads = roles.require('analyst', 'admin');
  const administers = roles.require('admin');
  const router = Router({ caseSensitive: true });

  const view = (record: VillageRecord) =>
    viewOf(context.contacts.complete(record), clock.now(), context.silentAfterHours);
  const withNumbers = (records: readonly VillageRecord[]) => viewsWithNumbers(context, records);

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
      const asksNumbers = parseListQuery(request.query);
      const records = await store().villages.list();
      response.json({ items: asksNumbers ? await withNumbers(records) : records.map(view) });
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
      const [found] = await withNumbers([await findVillage(context, request.params.id)]);
      response.json(found);
    })
    .all(methodNotAllowed('GET'));

  router
    .route('/:id/rotate')
    .post(administers, async (request, response) => {
      const password = createCredential();
      const credentialHash = hashCredential(password);
      const id = await change(request.params.id, ({ disabledAt, ...record }) => ({ ...record, credentialHash }));
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

/** True when the list is to tell of numbers. Throws `invalid_request`. */
function parseListQuery({ numbers, ...others }: Record<string, unknown>): boolean {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new AppError('invalid_request', `the parameter ${unknown} is not known here`);
  if (numbers !== undefined && numbers !== 'true' && numbers !== 'false') {
    throw new AppError('invalid_request', 'the parameter numbers must be true or false');
  }
  return numbers === 'true';
}

function newVillageOf(body: unknown): Omit<VillageRecord, 'credentialHash' | 'createdAt'> {
  const parsed = newVillageSchema.safeParse(body ?? {});
  if (parsed.success) {
    const { id, name, lat, lon } = parsed.data;
    return {
      id,
      ...(name === undefined ? {} : { name }),
      ...(lat === undefined ? {} : { lat }),
      ...(lon === undefined ? {} : { lon }),
    };
  }
  const details = problemsOf(parsed.error);
  throw new AppError('invalid_request', sentenceOf(details, 'the body'), { details });
}
