/**
 * `GET /registry-<village>/_changes`: what was changed in the registry, always with every leaf (`style=all_docs`), at once
 * or, with `feed=longpoll`, as soon as there is something. Whoever waits occupies neither a place among the village's
 * requests nor a connection to the database.
 */
import type { Request, RequestHandler, Response } from 'express';
import { sendLong } from '../../shared/http/long-answer.js';
import { sendJson } from '../../shared/http/send-json.js';
import { villageOf } from '../roles.js';
import type { ChangePage, ChangePosition, RegistryDatabase } from '../store/registry-contract.js';
import type { GatewayContext } from './gateway-context.js';
import { type ChangesQuery, parseChangesQuery } from './registry-changes-query.js';
import { waitsFromNowOn } from './village-allowance.js';

const PAGE = 1_000;
/** Documents have up to 64 KiB. */
const PAGE_WITH_DOCS = 50;

interface Changes {
  registry: RegistryDatabase;
  since: ChangePosition | undefined;
  query: ChangesQuery;
}

export function registryChangesHandler(context: GatewayContext): RequestHandler {
  return async (request, response) => {
    const query = parseChangesQuery(request.query);
    const registry = context.store().registry(villageOf(response));
    const since = query.since === 'now' ? (await registry.info()).update_seq : query.since;
    const changes = { registry, since, query };
    if (query.wait) await answerLater(context, { request, response }, changes);
    else await answerNow(context, { request, response }, changes);
  };
}

interface Exchange {
  request: Request;
  response: Response;
}

async function answerNow({ log }: GatewayContext, { request, response }: Exchange, changes: Changes): Promise<void> {
  const pages = pagesOf(changes);
  const { value: first, done } = await pages.next();
  if (done || isLast(first, changes)) return sendJson(request, response, first ?? noChanges(changes));
  await sendLong(response, { contentType: 'application/json', lines: linesOf(first, pages) }, log);
}

async function answerLater(context: GatewayContext, { request, response }: Exchange, changes: Changes): Promise<void> {
  const { wait: asked } = changes.query;
  if (!asked) return;
  const village = villageOf(response);
  const beat = () => {
    if (!response.headersSent) response.type('application/json');
    response.write('\n');
  };
  const heartbeat = asked.heartbeatMs === undefined ? undefined : { everyMs: asked.heartbeatMs, beat };
  const wait = context.waits.begin(village, { timeoutMs: asked.timeoutMs, heartbeat });
  response.once('close', wait.end);
  response.locals.isWaiting = true;
  waitsFromNowOn(response);
  let hasChanged: boolean;
  try {
    if (response.destroyed) return;
    hasChanged = await changes.registry.waitForChange(changes.since, wait.signal);
  } finally {
    wait.end();
  }
  if (response.destroyed) return;
  // It may have been disabled meanwhile.
  await context.directory.assertEnabled(village);
  const page = hasChanged ? (await pagesOf(changes).next()).value : undefined;
  const answer = page ?? noChanges(changes);
  if (response.headersSent) response.end(JSON.stringify(answer));
  else await sendJson(request, response, answer);
}

/** What is new, page by page, up to the limit asked for; at least one page. */
async function* pagesOf({ registry, since, query }: Changes): AsyncGenerator<ChangePage, undefined> {
  const { limit = Number.POSITIVE_INFINITY, includeDocs } = query;
  const atOnce = includeDocs ? PAGE_WITH_DOCS : PAGE;
  let from = since;
  for (let left = limit; left > 0; ) {
    const asked = Math.min(left, atOnce);
    const page = await registry.changes({ since: from, limit: asked, includeDocs });
    yield page;
    if (page.results.length < asked) return;
    left -= page.results.length;
    from = page.last_seq;
  }
}

function isLast({ results }: ChangePage, { query: { limit, includeDocs } }: Changes): boolean {
  return (
    results.length < (includeDocs ? PAGE_WITH_DOCS : PAGE) || results.length >= (limit ?? Number.POSITIVE_INFINITY)
  );
}

async function* linesOf(first: ChangePage, rest: AsyncIterable<ChangePage>): AsyncGenerator<string, void, undefined> {
  let last = first;
  let isFirst = true;
  const all = async function* () {
    yield first;
    yield* rest;
  };
  yield '{"results":[\n';
  for await (const page of all()) {
    for (const change of page.results) {
      yield (isFirst ? '' : ',\n') + JSON.stringify(change);
      isFirst = false;
    }
    last = page;
  }
  const { results: _, ...tail } = last;
  yield `\n],${JSON.stringify(tail).slice(1)}\n`;
}

function noChanges({ since }: Changes): ChangePage {
  return { results: [], last_seq: since ?? 0 };
}
