/**
 * `/v1/alerts`: what a person should know of the villages now, and what was. Contacts and reports are told as of the time of
 * asking; a village's numbers as of a minute before at most, so that however many ask, no index is asked more often.
 */
import { Router } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { refuseParameters } from '../../shared/http/registry-requests.js';
import { defaultPageLimitSchema } from '../../shared/page-limit.js';
import { parseParameters } from '../../shared/validation.js';
import { type ClearedVillageAlert, type KeptAlerts, raisedAtOf } from '../alerts/kept-alerts.js';
import type { NumbersMemory } from '../alerts/numbers-memory.js';
import { alertsOf, type VillageAlert } from '../alerts/village-alert.js';
import type { Roles } from '../roles.js';
import type { VillageRecord } from '../store/contract.js';
import type { AnalystContext } from './analyst-context.js';
import { type VillageWithNumbers, viewOf } from './village-view.js';

export interface AlertContext extends AnalystContext {
  memory: NumbersMemory;
  /** How old numbers may be that alerts are told from. */
  numbersAgeMs: number;
}

/** An answer is given after so long, with the numbers there are by then. */
const BUDGET_MS = 10_000;

export const alertHistoryQuerySchema = z.strictObject({
  village: z.string().optional().describe('Of this one alone'),
  limit: defaultPageLimitSchema,
});

export function alertRoutes(context: AlertContext, roles: Roles): Router {
  const { store, contacts, silentAfterHours } = context;
  const router = Router({ caseSensitive: true });
  router
    .route('/')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      refuseParameters(request.query);
      const listed = (await store().villages.list()).filter(({ disabledAt }) => disabledAt === undefined);
      const records = listed.map((record) => contacts.complete(record));
      await context.memory.refresh(records, { maxAgeMs: context.numbersAgeMs, budgetMs: BUDGET_MS });
      const views = records.map((record) => viewWith(context, record));
      const unknown = views.flatMap(({ id, numbers }) => (numbers === undefined ? [id] : []));
      const partly = views.flatMap(({ id, numbers }) => (numbers?.partly === undefined ? [] : [id]));
      response.json({
        items: views.flatMap((view, n) => {
          const kept = records[n]?.keptAlerts;
          return withTimes(alertsOf(view, silentAfterHours, kept?.loss), kept);
        }),
        ...(unknown.length > 0 ? { numbersUnknown: unknown } : {}),
        ...(partly.length > 0 ? { numbersPartial: partly } : {}),
      });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/history')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      const { village, limit } = historyQueryOf(request.query);
      const records = await store().villages.list();
      const chosen = village === undefined ? records : records.filter(({ id }) => id === village.toLowerCase());
      if (village !== undefined && chosen.length === 0) {
        throw new AppError('not_found', `there is no village ${JSON.stringify(village.slice(0, 64))}`);
      }
      response.json({ items: historyOf(chosen).slice(0, limit) });
    })
    .all(methodNotAllowed('GET'));
  return router;
}

function viewWith({ memory, clock, silentAfterHours }: AlertContext, record: VillageRecord): VillageWithNumbers {
  const view = viewOf(record, clock.now(), silentAfterHours);
  const found = memory.of(record.id);
  return found && 'numbers' in found ? { ...view, numbers: found.numbers } : view;
}

function withTimes(alerts: readonly VillageAlert[], kept: KeptAlerts | undefined): VillageAlert[] {
  return alerts.map((alert) => {
    const raisedAt = raisedAtOf(kept, alert);
    return raisedAt === undefined ? alert : { ...alert, raisedAt };
  });
}

/** The last one cleared first. */
function historyOf(records: readonly VillageRecord[]): ({ village: string } & ClearedVillageAlert)[] {
  const all = records.flatMap(({ id: village, keptAlerts }) =>
    (keptAlerts?.history ?? []).map((alert) => ({ village, ...alert })),
  );
  return all.sort((a, b) => (a.clearedAt < b.clearedAt ? 1 : a.clearedAt > b.clearedAt ? -1 : 0));
}

/** Throws `invalid_request` naming the parameter. */
function historyQueryOf(query: Record<string, unknown>): z.infer<typeof alertHistoryQuerySchema> {
  return parseParameters(alertHistoryQuerySchema, query);
}
