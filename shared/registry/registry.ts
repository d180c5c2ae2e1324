/**
 * One village's registry: devices, tariffs, thresholds and the profile, edited in the village and at the centre.
 *
 * Invariants:
 * - Edits that did not know of each other are joined field by field; what they say of the same field stands against each
 *   other, as part of the document, until a person settles it. Everybody who has seen the same edits shows the same.
 * - Nothing an edit said is replaced before its trace is stored.
 * - A document with several leaves is joined before anything is made of it.
 */
import { z } from 'zod';
import { AppError } from '../app-error.js';
import { formatInstant } from '../time.js';
import { parseBody } from '../validation.js';
import { choiceOf, conflictOf, viewOf } from './conflict-view.js';
import { stateOf } from './document-body.js';
import { type DocumentState, type Edit, EMPTY_STATE } from './edit-history.js';
import { createEditId, type RandomText, randomText, timeOf } from './edit-id.js';
import { settled, withFields, withoutDocument } from './edits.js';
import { shownFields } from './field-values.js';
import { assertMatch } from './if-match.js';
import { type Current, type Found, JoinedDocuments } from './joined-documents.js';
import type { LeafStore } from './leaf-store.js';
import { REPORT_PREFIX, readReports, type StoredReport, writeReport } from './node-reports.js';
import {
  assertHistoryStays,
  assertSize,
  fieldsOf,
  givenDocument,
  REGISTRY_TYPES,
  registryId,
  registryTypeOf,
} from './registry-documents.js';
import type { Conflict, RegistryType, RegistryView, TraceView } from './registry-view.js';
import { assertOnlySettles } from './settlement-check.js';
import { readTraces, TRACE_PREFIX } from './traces.js';

export interface RegistryOptions {
  leaves: LeafStore;
  /** Milliseconds since 1970. */
  now(): number;
  random?: RandomText;
}

/** Who makes an edit, and the request's `If-Match`. */
export interface EditBy {
  author: string;
  ifMatch?: string | undefined;
}

/** How a conflict is settled. */
export const choiceSchema = z.union(
  [z.strictObject({ keep: z.string().max(200) }), z.strictObject({ doc: givenDocument })],
  { error: 'must be {"keep": <the rev of a version>} or {"doc": <the merged document>}' },
);

export class Registry {
  readonly #options: RegistryOptions;
  readonly #documents: JoinedDocuments;
  /** Writes take turns, so that what they build on stays as they found it. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Up to where branched documents were looked for. */
  #tendedTo: string | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#documents = new JoinedDocuments(options.leaves);
  }

  /** `undefined` where there is none, or it is deleted. Throws `not_found` for a type there is not. */
  async get(type: string, id: string): Promise<RegistryView | undefined> {
    const name = registryId(type, id);
    const { current } = await this.#inTurn(() => this.#documents.find(name));
    return current && viewIn(name, current);
  }

  /** By type and id. Throws `not_found` for a type there is not. */
  async list(type?: string): Promise<RegistryView[]> {
    const types = type === undefined ? REGISTRY_TYPES : [registryTypeOf(type)];
    const views: RegistryView[] = [];
    for (const { name, current } of await this.#all(types)) {
      const view = viewIn(name, current);
      if (view) views.push(view);
    }
    return views;
  }

  /**
   * Stores a document whole: fields it does not have are removed. The same again changes nothing. Throws
   * `invalid_request` and `too_large` for what it says, `precondition_required` and `precondition_failed` by `If-Match`,
   * and `conflict` for another price of a tariff whose time has come.
   */
  async put(type: string, id: string, body: unknown, by: EditBy): Promise<{ view: RegistryView; created: boolean }> {
    const name = registryId(type, id);
    const fields = fieldsOf(registryTypeOf(type), body);
    return this.#inTurn(async () => {
      const found = await this.#documents.find(name);
      const { current } = found;
      const shown = current && viewIn(name, current);
      assertMatch(name, shown?._rev, by.ifMatch);
      assertSize(type, current ? shownFields(current.state) : {}, fields);
      if (shown) assertHistoryStays(type, id, shown, fields, this.#options.now());
      const before = current?.state ?? EMPTY_STATE;
      const next = withFields(before, fields, this.#edit(before, by.author));
      if (next === before && shown) return { view: shown, created: false };
      const view = await this.#write(name, found, next);
      return { view: view as RegistryView, created: shown === undefined };
    });
  }

  /** Throws `not_found`, and as `put` does. */
  async remove(type: string, id: string, by: EditBy): Promise<void> {
    const name = registryId(type, id);
    await this.#inTurn(async () => {
      const found = await this.#documents.find(name);
      const { current } = found;
      const shown = current && viewIn(name, current);
      if (!current || !shown) throw missing(name);
      assertMatch(name, shown._rev, by.ifMatch);
      assertHistoryStays(type, id, shown, undefined, this.#options.now());
      await this.#write(name, found, withoutDocument(current.state, this.#edit(current.state, by.author)));
    });
  }

  /** All open conflicts. */
  async conflicts(): Promise<Conflict[]> {
    // A list of documents shows no deletion that stands against one of them.
    await this.tend();
    const all = await this.#all(REGISTRY_TYPES);
    return all.flatMap(({ name, current: { leaf, state } }) => conflictOf(name, leaf.rev, state) ?? []);
  }

  /**
   * Settles a conflict by `{keep: rev}` or `{doc: merged}`; resolves with the document, `undefined` where it is deleted
   * now. Throws `not_found` where there is no open conflict, `invalid_request` for a choice it does not have,
   * `precondition_failed` by `If-Match`, and `precondition_required` without where a merged document would change what was
   * edited since the conflict arose: who merged it may not have seen that. A price that was valid stays, as with `put`.
   */
  async settle(
    type: string,
    id: string,
    choice: unknown,
    { author, ifMatch }: EditBy,
  ): Promise<RegistryView | undefined> {
    const name = registryId(type, id);
    const settlement = parseBody(choiceSchema, choice, 'the settlement');
    return this.#inTurn(async () => {
      const found = await this.#documents.find(name);
      const { current } = found;
      if (!current || !conflictOf(name, current.leaf.rev, current.state)) {
        throw new AppError('not_found', `there is no open conflict of ${name}`);
      }
      const { leaf, state } = current;
      if (ifMatch !== undefined) assertMatch(name, leaf.rev, ifMatch);
      const chosen =
        'keep' in settlement
          ? choiceOf(name, leaf.rev, state, settlement.keep)
          : { isDeletion: false, fields: fieldsOf(registryTypeOf(type), settlement.doc) };
      if (!chosen) {
        const message = `the conflict of ${name} has no version with the rev to keep; it may have changed since it was listed`;
        throw new AppError('invalid_request', message);
      }
      if (!chosen.isDeletion) {
        assertOnlySettles({ type, id, state, chosen: chosen.fields, ifMatch, nowMs: this.#options.now() });
      }
      const next = settled(state, chosen.fields, chosen.isDeletion, this.#edit(state, author, true));
      return this.#write(name, found, next);
    });
  }

  /** Traces, newest first, of one document or of all; `before` is the `_id` of a trace. `limit` is at least 1. */
  async history(
    of: { type: string; id: string } | undefined,
    { limit, before }: { limit: number; before?: string },
  ): Promise<TraceView[]> {
    const name = of && registryId(of.type, of.id);
    if (name !== undefined)
      await this.#documents.writeMissingTraces(name, (await this.#leaves.leaves(name)).map(stateOf));
    return readTraces(this.#leaves, name, { limit, ...(before === undefined ? {} : { before }) });
  }

  /** Replaces a node's report; where nothing but `at` would change, nothing is written and false is returned. */
  putReport(node: string, report: object): Promise<boolean> {
    return this.#inTurn(() => writeReport(this.#leaves, node, report));
  }

  /** The newest first; a village has one for each node it ever had. */
  reports(): Promise<StoredReport[]> {
    return readReports(this.#leaves);
  }

  /**
   * Joins the documents that replication left with several leaves: all those changed since the last time, or these.
   * Resolves with the ids of those it wrote; throws the first failure when all were tried.
   */
  async tend(ids?: readonly string[]): Promise<string[]> {
    const { ids: branched, last } = ids ? { ids, last: undefined } : await this.#leaves.branched(this.#tendedTo);
    const joined: string[] = [];
    let failure: unknown;
    for (const name of branched) {
      if (!hasHistory(name)) continue;
      try {
        const { wrote } = await this.#inTurn(() => this.#documents.find(name));
        if (wrote) joined.push(name);
      } catch (error) {
        // One document must not keep the others from being joined.
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    this.#tendedTo = last ?? this.#tendedTo;
    return joined;
  }

  get #leaves(): LeafStore {
    return this.#options.leaves;
  }

  /** Every document of these types that is not deleted. */
  async #all(types: readonly RegistryType[]): Promise<{ name: string; current: Current }[]> {
    const find = (name: string) => this.#inTurn(() => this.#documents.find(name));
    const found: { name: string; current: Current }[] = [];
    for (const type of types.toSorted()) found.push(...(await this.#documents.all(`${type}:`, find)));
    return found;
  }

  async #write(name: string, found: Found, next: DocumentState): Promise<RegistryView | undefined> {
    const { rev, schemaVersion } = await this.#documents.write(name, found, next);
    return viewOf(name, rev, schemaVersion, next);
  }

  /** An edit that is newer than all it has seen, whatever the clock says. */
  #edit(state: DocumentState, author: string, isSettlement = false): Edit {
    const { now, random = randomText } = this.#options;
    const nowMs = now();
    const newest = [...state.edits.keys()].at(-1);
    const afterMs = newest === undefined ? 0 : timeOf(newest) + 1;
    return { id: createEditId(Math.max(nowMs, afterMs), random), by: author, at: formatInstant(nowMs), isSettlement };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function viewIn(name: string, { leaf, schemaVersion, state }: Current): RegistryView | undefined {
  return viewOf(name, leaf.rev, schemaVersion, state);
}

function hasHistory(name: string): boolean {
  return !name.startsWith(TRACE_PREFIX) && !name.startsWith(REPORT_PREFIX);
}

function missing(name: string): AppError {
  return new AppError('not_found', `there is no ${name} in the registry`);
}
