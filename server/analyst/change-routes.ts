/**
 * `/v1/changes`: every document in the order in which the centre took it, late data included, for programs that keep a
 * copy. A page as JSON, or as NDJSON everything up to now.
 */
import { Router } from 'express';
import { z } from 'zod';
import type { TelemetryDocument } from '../../shared/documents.js';
import { methodNotAllowed } from '../../shared/http/errors.js';
import { sendLong } from '../../shared/http/long-answer.js';
import { MAX_PAGE_ITEMS, pageLimitSchema } from '../../shared/page-limit.js';
import { parseParameters } from '../../shared/validation.js';
import type { Roles } from '../roles.js';
import type { Arrival, ArrivalOrder } from '../store/contract.js';
import { type AnalystContext, findVillage } from './analyst-context.js';
import { cursorOf, positionIn } from './arrivals-cursor.js';

/** Documents of other villages that one page passes over at most; its `next` then goes on behind them. */
const MAX_PASSED_OVER = 20_000;

/** As CouchDB has it. */
const BEGINNING = '0';

/** A CouchDB's cursor has up to some 36 characters for each shard; with other headers it must fit into the 16 KiB Node takes. */
const MAX_CURSOR_CHARACTERS = 15_000;

export const changesQuerySchema = z.strictObject({
  since: z
    .string()
    .max(MAX_CURSOR_CHARACTERS, 'is not a cursor this program gave')
    .optional()
    .describe('The `next` of the answer before; from the beginning without, or with `0`'),
  village: z.string().optional().describe('Of this village only'),
  format: z
    .enum(['json', 'ndjson'], { error: 'must be json or ndjson' })
    .default('json')
    .describe('A page, or everything up to now as lines'),
  limit: pageLimitSchema
    .optional()
    .describe('How many at most, 1 to 1,000; without, 100 to a page and any number of lines'),
});

export interface ChangesPage {
  items: TelemetryDocument[];
  /** Always there: a program goes on from it when more has arrived. */
  next: string;
  /** False when nothing further had arrived. */
  more: boolean;
}

export function changeRoutes(context: AnalystContext, roles: Roles): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/')
    .get(roles.require('analyst', 'admin'), async (request, response) => {
      const { since, format, limit, village: name } = parseQuery(request.query);
      const village = name === undefined ? undefined : (await findVillage(context, name)).id;
      const { arrivals } = context.store();
      const identity = await arrivals.identity();
      const start = since === undefined || since === BEGINNING ? undefined : positionIn(since, identity);
      const feed = new ArrivalsFeed(arrivals, identity, village);
      if (format === 'json') {
        response.json(await feed.page(start, limit ?? 100));
        return;
      }
      const lines = feed.lines(start, limit ?? Number.POSITIVE_INFINITY);
      await sendLong(response, { contentType: 'application/x-ndjson; charset=utf-8', lines }, context.log);
    })
    .all(methodNotAllowed('GET'));
  return router;
}

function parseQuery(parameters: unknown): z.infer<typeof changesQuerySchema> {
  return parseParameters(changesQuerySchema, parameters);
}

class ArrivalsFeed {
  readonly #arrivals: ArrivalOrder;
  readonly #identity: string;
  readonly #isWanted: (arrival: Arrival) => boolean;

  constructor(arrivals: ArrivalOrder, identity: string, village: string | undefined) {
    this.#arrivals = arrivals;
    this.#identity = identity;
    const prefix = village === undefined ? '' : `${village}:`;
    this.#isWanted = ({ document }) => document._id.startsWith(prefix);
  }

  async page(start: string | undefined, limit: number): Promise<ChangesPage> {
    const items: TelemetryDocument[] = [];
    let position = start;
    for (let looked = 0; ; ) {
      const chunk = looked === 0 ? limit : MAX_PAGE_ITEMS;
      const { arrivals, last, isEnd } = await this.#arrivals.read(position, chunk);
      looked += chunk;
      const wanted = arrivals.filter(this.#isWanted).slice(0, limit - items.length);
      items.push(...wanted.map(({ document }) => document));
      const isFull = items.length === limit;
      // What lies behind the last document that fits is for the next page.
      position = isFull ? (wanted.at(-1)?.position ?? last) : last;
      const isRest = isFull && position !== last;
      if (isFull || isEnd || looked >= MAX_PASSED_OVER) {
        return { items, next: cursorOf(this.#identity, position), more: isRest || !isEnd };
      }
    }
  }

  /** Documents, and behind some of them `{"next": …}` alone: whoever has taken all lines before goes on from there. */
  async *lines(start: string | undefined, limit: number): AsyncGenerator<string> {
    let position = start;
    let left = limit;
    for (;;) {
      const page = await this.#arrivals.read(position, MAX_PAGE_ITEMS);
      const wanted = page.arrivals.filter(this.#isWanted).slice(0, left);
      for (const { document } of wanted) yield `${JSON.stringify(document)}\n`;
      left -= wanted.length;
      position = left === 0 ? (wanted.at(-1)?.position ?? page.last) : page.last;
      yield `${JSON.stringify({ next: cursorOf(this.#identity, position) })}\n`;
      if (left === 0 || page.isEnd) return;
    }
  }
}
