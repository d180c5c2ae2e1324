/**
 * `/v1/completeness`: how much of each day is held, of all villages or of one, and how much is known to be missing. Readings
 * are counted as of now. What is missing is remembered of each village and looked at again for a fraction of a second with
 * each question, the villages looked at longest ago first, so that a question about a thousand villages does not wait for a
 * thousand indexes.
 */
import { Router } from 'express';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { sleep } from '../../shared/time.js';
import type { NumbersMemory } from '../alerts/numbers-memory.js';
import type { Roles } from '../roles.js';
import type { VillageRecord } from '../store/contract.js';
import { dayOf } from '../store/days.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { completenessOf } from './completeness.js';
import { parseDaysQuery } from './days-query.js';

export interface CompletenessContext extends AnalystContext {
  memory: NumbersMemory;
  /** How old numbers may be although something came since. */
  numbersAgeMs: number;
}

/** How long looking at numbers may hold an answer up: about all villages, and about one. */
const BUDGET_MS = 250;
const ONE_BUDGET_MS = 5_000;

export function completenessRoutes(context: CompletenessContext, roles: Roles): Router {
  const { store, contacts, clock, memory } = context;
  const looks = new Looks(context);
  const router = Router({ caseSensitive: true });
  router
    .route('/')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      const query = parseDaysQuery(request.query);
      const one = query.village === undefined ? undefined : await findVillage(context, query.village);
      const listed = one ? [one] : await store().villages.list();
      const { from, to } = query;
      const [counted] = await Promise.all([
        store().days.readings({ from, to, ...(one ? { village: one.id } : {}) }),
        looks.look(listed.map((record) => contacts.complete(record))),
      ]);
      const today = dayOf(clock.now());
      const items = listed.map(({ id }) =>
        completenessOf(id, { readings: counted.get(id), missing: memory.missingOf(id) }, query, today),
      );
      response.json({ from, to, items });
    })
    .all(methodNotAllowed('GET'));
  return router;
}

/** Looks at numbers, for a while: what takes longer goes on, and later questions profit. */
class Looks {
  readonly #context: CompletenessContext;
  #ofAll: Promise<void> | undefined;

  constructor(context: CompletenessContext) {
    this.#context = context;
  }

  async look(records: readonly VillageRecord[]): Promise<void> {
    const isOne = records.length === 1;
    const budgetMs = isOne ? ONE_BUDGET_MS : BUDGET_MS;
    const waiting = new AbortController();
    try {
      await Promise.race([
        isOne ? this.#refresh(records, budgetMs) : this.#all(records),
        sleep(budgetMs, waiting.signal),
      ]);
    } finally {
      waiting.abort();
    }
  }

  /** However many ask, one looks. */
  #all(records: readonly VillageRecord[]): Promise<void> {
    this.#ofAll ??= this.#refresh(records, BUDGET_MS).finally(() => {
      this.#ofAll = undefined;
    });
    return this.#ofAll;
  }

  async #refresh(records: readonly VillageRecord[], budgetMs: number): Promise<void> {
    const { memory, numbersAgeMs: maxAgeMs } = this.#context;
    await memory.refresh(records, { maxAgeMs, budgetMs });
  }
}
