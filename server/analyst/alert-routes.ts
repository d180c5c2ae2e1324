/** `/v1/alerts`: what a person should know of the villages now, told from what the centre holds at the time of asking. */
import { Router } from 'express';
import { methodNotAllowed } from '../../shared/http/errors.js';
import type { Roles } from '../roles.js';
import type { AnalystContext } from './analyst-context.js';
import type { NumbersView } from './village-numbers.js';
import { type VillageWithNumbers, viewsWithNumbers } from './village-view.js';

export interface VillageAlert {
  village: string;
  code: 'silent' | 'lost' | 'gaps';
  severity: 'warning' | 'critical';
  message: string;
}

export function alertRoutes(context: AnalystContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/')
    .get(roles.require('analyst', 'admin'), async (_request, response) => {
      const records = (await context.store().villages.list()).filter(({ disabledAt }) => disabledAt === undefined);
      const views = await viewsWithNumbers(context, records);
      const unknown = views.flatMap(({ id, numbersUnknown }) => (numbersUnknown === undefined ? [] : [id]));
      const partly = views.flatMap(({ id, numbers }) => (numbers && isPartial(numbers) ? [id] : []));
      response.json({
        items: views.flatMap((view) => alertsOf(view, context.silentAfterHours)),
        ...(unknown.length > 0 ? { numbersUnknown: unknown } : {}),
        ...(partly.length > 0 ? { numbersPartial: partly } : {}),
      });
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** Of a village that told of more nodes or spans than are looked at. */
function isPartial({ nodes, moreNodes = 0 }: NumbersView): boolean {
  return moreNodes > 0 || nodes.some(({ lookedAtFrom }) => lookedAtFrom !== undefined);
}

export function alertsOf(view: VillageWithNumbers, silentAfterHours: number): VillageAlert[] {
  const { id: village, silent, lastContactAt, numbers } = view;
  const alerts: VillageAlert[] = [];
  if (silent) {
    const heard = lastContactAt === undefined ? 'was never heard of' : `was last heard of at ${lastContactAt}`;
    const message = `the village ${heard}, and is expected every ${silentAfterHours} hours`;
    alerts.push({ village, code: 'silent', severity: 'warning', message });
  }
  const { lost = 0, unexplained = 0 } = numbers?.missing ?? {};
  if (lost > 0) {
    const message = `${countOf(lost)} lost in the village before the centre had them`;
    alerts.push({ village, code: 'lost', severity: 'critical', message });
  }
  if (unexplained > 0) {
    const message = `${countOf(unexplained)} missing although newer ones came, and the village has not said why`;
    alerts.push({ village, code: 'gaps', severity: 'warning', message });
  }
  return alerts;
}

function countOf(documents: number): string {
  return documents === 1 ? '1 document is' : `${documents} documents are`;
}
