/**
 * One document for many villages: in each it is an edit of the admin's, based on what is there. So it goes wherever the
 * village has not edited the same fields unseen, and is a conflict like any other where it has. Where the document is
 * there already nothing is written: repeating is safe, and finishes what broke off.
 */
import { AppError, type ShownCode, shownCode } from '../../shared/app-error.js';
import { entityTag } from '../../shared/http/registry-requests.js';
import type { Registry } from '../../shared/registry/registry.js';
import type { VillageRecord } from '../store/contract.js';
import type { SelectedVillage } from './village-selection.js';

export type PushOutcome =
  | { village: string; ok: true; rev: string }
  | { village: string; ok: false; error: { code: ShownCode; message: string } };

export interface PushedDocument {
  type: string;
  id: string;
  doc: object;
  author: string;
}

export interface PushOptions {
  registryOf(village: string): Pick<Registry, 'get' | 'put'>;
  onEdited(village: VillageRecord): Promise<void>;
  /** Told of failures that are the program's own, which answers do not tell. */
  onUnexpected(village: string, error: unknown): void;
}

/** Registries that are written at the same time. */
const PARALLEL = 8;
/** Edits of others that may come between reading and writing. */
const MAX_TRIES = 5;

/** In the order of the villages. No more are begun once nobody takes the outcomes. */
export async function* pushToMany(
  villages: readonly SelectedVillage[],
  document: PushedDocument,
  options: PushOptions,
): AsyncGenerator<PushOutcome, void, undefined> {
  const begun: Promise<PushOutcome>[] = [];
  let next = 0;
  for (;;) {
    for (; begun.length < PARALLEL; next++) {
      const village = villages[next];
      if (!village) break;
      begun.push(pushToOne(village, document, options));
    }
    const oldest = begun.shift();
    if (!oldest) return;
    yield await oldest;
  }
}

/** Never rejects: villages are told of one by one. */
async function pushToOne(
  { village, record }: SelectedVillage,
  document: PushedDocument,
  options: PushOptions,
): Promise<PushOutcome> {
  try {
    if (!record) throw new AppError('not_found', `there is no village ${JSON.stringify(village)}`);
    const rev = await edit(options.registryOf(village), document);
    await options.onEdited(record);
    return { village, ok: true, rev };
  } catch (error) {
    if (error instanceof AppError) {
      return { village, ok: false, error: { code: shownCode(error.code), message: error.told } };
    }
    options.onUnexpected(village, error);
    const message = 'something unexpected went wrong; the log of the program says what';
    return { village, ok: false, error: { code: 'internal', message } };
  }
}

async function edit(registry: Pick<Registry, 'get' | 'put'>, pushed: PushedDocument): Promise<string> {
  const { type, id, doc, author } = pushed;
  for (let tries = 1; ; tries++) {
    const there = await registry.get(type, id);
    const ifMatch = there && entityTag(there._rev);
    try {
      return (await registry.put(type, id, doc, { author, ifMatch })).view._rev;
    } catch (error) {
      if (tries === MAX_TRIES || !isOutrun(error)) throw error;
    }
  }
}

/** Somebody edited, made or deleted the document after it was read. */
function isOutrun(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'precondition_failed' || error.code === 'precondition_required');
}

/** A JSON object whose only member is a list of the outcomes, sent as they come. */
export async function* asJsonLines(outcomes: AsyncIterable<PushOutcome>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const outcome of outcomes) {
    yield `${isFirst ? '{"items":[' : ',\n'}${JSON.stringify(outcome)}`;
    isFirst = false;
  }
  yield isFirst ? '{"items":[]}' : ']}';
}
