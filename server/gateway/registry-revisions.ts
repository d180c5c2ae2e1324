/**
 * Which revisions of the registry are missing (`_revs_diff`), and the revisions themselves, every leaf that is asked for
 * (`_bulk_get`, and `GET /:id?open_revs` for replicators that know no `_bulk_get`).
 */
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { AppError } from '../../shared/app-error.js';
import { sendJson } from '../../shared/http/send-json.js';
import { villageOf } from '../roles.js';
import type { RevisionsMissing } from '../store/contract.js';
import type { AskedRevision, FoundRevision, RegistryDatabase, RevisionOptions } from '../store/registry-contract.js';
import type { GatewayContext } from './gateway-context.js';
import { isRegistryId } from './registry-document-check.js';
import { REVISION } from './revision-field.js';
import { revisionsOf } from './revs-diff.js';

/** Revisions in one question. PouchDB asks for 100, CouchDB for 100. */
const MAX_ASKED = 500;
/** Asked of the store at once, so that what is too much is known before all of it is in memory. */
const GROUP = 25;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_NAMED = 100;
const MAX_DESIGN_ID_LENGTH = 256;

export function registryRevsDiffHandler({ store, admission }: GatewayContext): RequestHandler {
  return async (request, response) => {
    const village = villageOf(response);
    await admission.withBody({ village, request, response }, async (body) => {
      const asked = revisionsOf(body);
      const known = asked.filter(([id, revs]) => isRegistryId(id) && revs.every((rev) => REVISION.test(rev)));
      const knownIds = new Set(known.map(([id]) => id));
      const missing = known.length === 0 ? {} : await store().registry(village).revsDiff(Object.fromEntries(known));
      // Never stored, so missing: sending them fails one by one.
      const others = asked.filter(([id, revs]) => !knownIds.has(id) && revs.length > 0);
      const answer = Object.fromEntries<RevisionsMissing[string]>([
        ...Object.entries(missing),
        ...others.map(([id, revs]): [string, RevisionsMissing[string]] => [id, { missing: revs }]),
      ]);
      await sendJson(request, response, answer);
    });
  };
}

export function registryBulkGetHandler({ store, admission }: GatewayContext): RequestHandler {
  return async (request, response) => {
    const village = villageOf(response);
    // Answered while it has its turn: what is in memory is bounded with the bodies.
    await admission.withBody({ village, request, response }, async (body) => {
      const asked = askedOf(body);
      // What is none of a registry was never taken: missing, and no reason to leave the others unanswered.
      const possible = asked.filter(({ id }) => isReadable(id));
      const found = await revisionsFound(store().registry(village), possible, optionsOf(request));
      const answers = new Map(possible.map((one, n) => [one, found[n] ?? []]));
      const results = asked.map((one) => ({ id: one.id, docs: answersFor(one, answers.get(one) ?? []) }));
      await sendJson(request, response, { results });
    });
  };
}

export function registryOpenRevisionsHandler({ store }: GatewayContext): RequestHandler {
  return async (request, response) => {
    const id = String(request.params.id);
    if (!isRegistryId(id)) throw new AppError('not_found', 'missing');
    const asked = namedRevisions(request.query.open_revs).map((rev): AskedRevision => ({ id, rev }));
    const registry = store().registry(villageOf(response));
    const found = (await revisionsFound(registry, asked, optionsOf(request))).flat();
    if (found.length === 0) throw new AppError('not_found', 'missing');
    await sendJson(request, response, found);
  };
}

async function revisionsFound(
  registry: RegistryDatabase,
  asked: readonly AskedRevision[],
  options: RevisionOptions,
): Promise<FoundRevision[][]> {
  const found: FoundRevision[][] = [];
  let bytes = 0;
  for (let start = 0; start < asked.length; start += GROUP) {
    const group = await registry.revisions(asked.slice(start, start + GROUP), options);
    bytes += Buffer.byteLength(JSON.stringify(group));
    if (bytes > MAX_ANSWER_BYTES) {
      throw new AppError('too_large', `the answer is larger than ${MAX_ANSWER_BYTES} bytes; ask for fewer documents`);
    }
    found.push(...group);
  }
  return found;
}

const askedSchema = z.object({
  id: z.string(),
  rev: z.union([z.literal('all'), z.string().regex(REVISION)]).default('all'),
});

export const bulkGetSchema = z.object({ docs: z.array(askedSchema).max(MAX_ASKED) });

function askedOf(body: unknown): AskedRevision[] {
  const list = z.object({ docs: z.array(z.unknown()) }).safeParse(body).data?.docs;
  if (!list) {
    throw new AppError('invalid_request', 'the body must be an object with docs, a list of ids and revisions');
  }
  if (list.length > MAX_ASKED) {
    throw new AppError('too_large', `the body asks for ${list.length} documents; ${MAX_ASKED} are possible`);
  }
  return list.map((one): AskedRevision => {
    const asked = askedSchema.safeParse(one);
    if (asked.success) return asked.data;
    const isRevision = asked.error.issues[0]?.path[0] === 'rev';
    throw new AppError('invalid_request', isRevision ? 'Invalid rev format' : 'an id is missing');
  });
}

/** A design document is there only where an operator has put one: a replication must not stop at it. */
function isReadable(id: string): boolean {
  return isRegistryId(id) || (id.startsWith('_design/') && id.length <= MAX_DESIGN_ID_LENGTH && id.isWellFormed());
}

function namedRevisions(asked: unknown): string[] {
  if (asked === 'all') return ['all'];
  const wanted = new AppError('invalid_request', 'open_revs must be "all" or a list of revisions');
  if (typeof asked !== 'string') throw wanted;
  let revs: unknown;
  try {
    revs = JSON.parse(asked);
  } catch {
    throw wanted;
  }
  if (!Array.isArray(revs) || revs.length > MAX_NAMED) throw wanted;
  return revs.map(checkedRevision);
}

function checkedRevision(rev: unknown): string {
  if (typeof rev === 'string' && (rev === 'all' || REVISION.test(rev))) return rev;
  throw new AppError('invalid_request', 'Invalid rev format');
}

function optionsOf({ query }: Request): RevisionOptions {
  return { latest: query.latest === 'true', history: query.revs === 'true' };
}

function answersFor({ id, rev }: AskedRevision, found: readonly FoundRevision[]): object[] {
  const missing = (of: string) => ({ error: { id, rev: of, error: 'not_found', reason: 'missing' } });
  if (found.length === 0) return [missing(rev === 'all' ? 'undefined' : rev)];
  return found.map((one) => ('ok' in one ? one : missing(one.missing)));
}
