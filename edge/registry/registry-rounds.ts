/**
 * One round of synchronisation: recognises the centre, brings its changes, joins them with what was edited here, and
 * sends what it lacks.
 *
 * Invariants: where replication goes on is written down only after what was before it is stored on the other side, as
 * that side said when asked; a centre that may have lost something is offered everything anew, and everything of it is
 * looked at anew; a refused document keeps no other from being sent, and is offered again daily, when it was edited, and
 * in every fresh round; so does one that cannot be had, which is asked for again hourly; and documents that cannot be
 * joined keep no edit from being sent.
 */
import type { Logger } from '../../shared/logger.js';
import { formatInstant } from '../../shared/time.js';
import { LinkError } from '../link/link-error.js';
import { Arrivals } from './arrivals.js';
import type { EdgeRegistry } from './edge-registry.js';
import { KnownLeaves } from './known-leaves.js';
import { countDocuments, lastSequence, localLeaves } from './local-leaves.js';
import type { RegistryCentre } from './registry-centre.js';
import {
  BATCH,
  type Pulled,
  pull,
  pullAgain,
  push,
  pushAgain,
  type ReplicationContext,
} from './registry-replication.js';
import type { ChangesPage, PeerCalls } from './replication-peer.js';
import { dueAgain, setAsideAfter } from './set-aside.js';
import {
  isSetBack,
  type KnownCentre,
  NOTHING_KNOWN,
  readSyncRecord,
  type SyncRecord,
  writeSyncRecord,
} from './sync-record.js';

/** The centre has no registry for this village: a plain CouchDB of which nobody made the database. */
export class NoRegistryAtCentre extends Error {
  override readonly name = 'NoRegistryAtCentre';
}

export interface RoundOptions {
  /** Believes nothing earlier rounds learnt of the centre, and offers again what it refused. */
  fresh: boolean;
  pulls: boolean;
  /** Changes after `since` that the centre has told of already. */
  told?: { since: number | string; page: ChangesPage } | undefined;
  /** Everything is brought and sent; what is left is to look whether that is so. */
  onExchanged?: (() => void) | undefined;
}

export interface RegistryRoundsOptions {
  registry: EdgeRegistry;
  centre: RegistryCentre;
  /** Milliseconds since 1970. */
  now(): number;
  log: Logger;
}

const RETRY_REFUSED_MS = 86_400_000;
const RETRY_UNFETCHED_MS = 3_600_000;
const SMALLER = 4;
const MAX_COUNTED = 1_000;
/** Reports are made without anyone, traces come with their edits. */
const NO_EDIT = /^(report|trace):/;

export class RegistryRounds {
  readonly #options: RegistryRoundsOptions;
  readonly #local: PeerCalls;
  readonly #arrivals: Arrivals;
  readonly #known = new KnownLeaves();
  /** Leaves the centre has told of: no edits of this node's, whatever it holds by now. */
  readonly #told = new KnownLeaves();
  #record: SyncRecord = NOTHING_KNOWN;
  #written = '';
  /** `sure`: nothing has happened since the centre was recognised; `interrupted`: the link has failed, no more. */
  #session: 'none' | 'interrupted' | 'sure' = 'none';
  #batchSize = BATCH;

  constructor(options: RegistryRoundsOptions) {
    this.#options = options;
    this.#arrivals = new Arrivals(options.registry);
    this.#local = localLeaves({
      database: options.registry.database,
      onStored: (ids) => this.#arrivals.stored(ids),
      onUnusable: (id, reason) =>
        options.log.warn('a registry document of the centre cannot be kept here', { id, reason }),
    });
  }

  get record(): SyncRecord {
    return this.#record;
  }

  /** What the last round could not do and has gone on without. */
  get problem(): string | undefined {
    return this.#arrivals.problem;
  }

  async load(): Promise<void> {
    this.#record = await readSyncRecord(this.#options.registry.database);
    const { lastSyncAt, ...rest } = this.#record;
    this.#written = JSON.stringify(rest);
  }

  /** Throws LinkError, NoRegistryAtCentre, and AppError where the store here cannot be read or written. */
  async run({ fresh, pulls, told, onExchanged }: RoundOptions, signal: AbortSignal): Promise<void> {
    const isSure = !fresh && this.#session === 'sure';
    const isNew = fresh || this.#session === 'none';
    const startedMs = fresh ? this.#options.now() : undefined;
    this.#arrivals.begin();
    try {
      await this.#assertOwnRecord();
      if (!isSure) await this.#recognise(isNew, signal);
      // The process may have ended between storing leaves and joining them.
      if (isNew) await this.#arrivals.joinAll();
      // What was told before the centre was recognised, or before something else was brought, says too little.
      const page = isSure && told?.since === this.#record.pulledTo ? told.page : undefined;
      if (pulls || !isSure) await this.#pull(page, signal);
      await this.#fetchAgain(startedMs, signal);
      await this.#push(signal);
      onExchanged?.();
      await this.#offerRefused(startedMs, signal);
      if (isNew) await this.#compare(signal);
      this.#session = 'sure';
      this.#batchSize = BATCH;
      this.#note({ lastSyncAt: formatInstant(this.#options.now()) });
      await this.#save();
    } catch (error) {
      this.#doubt(error);
      // What was reached is reached; not knowing it after a restart costs bytes and nothing else.
      await this.#save().catch(() => undefined);
      throw error;
    }
  }

  /** Documents edited here that the centre is not known to hold, without those it refused. */
  async countPending(): Promise<number> {
    const { results } = await this.#local.changes(this.#record.pushedTo, MAX_COUNTED);
    const pending = results.filter(({ id, changes }) => {
      return !NO_EDIT.test(id) && changes.some(({ rev }) => !this.#known.has(id, rev) && !this.#told.has(id, rev));
    });
    return pending.length;
  }

  /** The database here may have been replaced or repaired under the record, which is of what it was before. */
  async #assertOwnRecord(): Promise<void> {
    if ((await lastSequence(this.#options.registry.database)) >= this.#record.pushedTo) return;
    await this.load();
    this.#beginAnew();
  }

  async #recognise(isNew: boolean, signal: AbortSignal): Promise<void> {
    const { centre, log } = this.#options;
    const known = this.#record.centre;
    const look = await centre.look(signal).catch((error: unknown) => {
      if (!(error instanceof LinkError) || error.status !== 404) throw error;
      throw new NoRegistryAtCentre('the centre has no registry for this village; it is kept here alone', {
        cause: error,
      });
    });
    const uuid = isNew || !known ? await centre.uuid(signal) : known.uuid;
    const now: KnownCentre = { uuid, instanceStartTime: look.instanceStartTime, updateSeq: look.updateSeq };
    const isLess = isSetBack(known, now);
    if (isLess) log.warn('the centre’s registry is another one or an older state; everything is compared anew');
    if (isLess || !known) this.#beginAnew();
    this.#record = { ...this.#record, centre: now };
  }

  #beginAnew(): void {
    this.#known.clear();
    this.#told.clear();
    this.#record = { ...this.#record, pulledTo: 0, pushedTo: 0 };
  }

  async #pull(page: ChangesPage | undefined, signal: AbortSignal): Promise<void> {
    const result = await this.#storing(() => pull(this.#context(signal), this.#record.pulledTo, page));
    this.#note({ pulledTo: result.lastSeq, ...this.#centreReached(result.lastSeq) });
  }

  async #fetchAgain(allBeforeMs: number | undefined, signal: AbortSignal): Promise<void> {
    const due = dueAgain(this.#record.unfetched, this.#options.now(), { everyMs: RETRY_UNFETCHED_MS, allBeforeMs });
    if (due.length > 0) await this.#storing(() => pullAgain(this.#context(signal), due));
  }

  /** What was stored is joined and told, even where the replication fails later. */
  async #storing(replication: () => Promise<Pulled>): Promise<Pulled> {
    const { now, log } = this.#options;
    try {
      const result = await replication();
      const tried = { failed: result.unfetched, done: result.whole };
      const unfetched = setAsideAfter(this.#record.unfetched, tried, now(), (one) =>
        log.warn('a registry document of the centre cannot be fetched', one),
      );
      this.#note({ unfetched });
      return result;
    } finally {
      await this.#arrivals.joinStored();
    }
  }

  /** The centre has had at least as many changes as it told of. */
  #centreReached(lastSeq: number | string): Partial<SyncRecord> {
    const { centre } = this.#record;
    const reached = Number.parseInt(String(lastSeq), 10);
    return centre && reached > centre.updateSeq ? { centre: { ...centre, updateSeq: reached } } : {};
  }

  async #push(signal: AbortSignal): Promise<void> {
    const result = await push(this.#context(signal), this.#record.pushedTo);
    this.#note({ pushedTo: result.lastSeq });
    this.#noteRefused(result);
  }

  async #offerRefused(allBeforeMs: number | undefined, signal: AbortSignal): Promise<void> {
    const due = dueAgain(this.#record.refused, this.#options.now(), { everyMs: RETRY_REFUSED_MS, allBeforeMs });
    if (due.length > 0) this.#noteRefused(await pushAgain(this.#context(signal), due));
  }

  #noteRefused({ refused, taken }: Awaited<ReturnType<typeof push>>): void {
    const { now, log } = this.#options;
    const after = setAsideAfter(this.#record.refused, { failed: refused, done: taken }, now(), (one) =>
      log.warn('the centre refused a registry document', one),
    );
    this.#note({ refused: after });
  }

  /**
   * After a round both sides hold the same documents. Where they do not, a state was restored that has gone on since, or
   * something was lost here: everything is compared once.
   */
  async #compare(signal: AbortSignal): Promise<void> {
    const { registry, centre, log } = this.#options;
    const here = await countDocuments(registry.database);
    const there = (await centre.look(signal)).documents;
    // A refused edit may be of a document that is there, and what cannot be fetched one that is here.
    const [refused, unfetched] = [this.#record.refused, this.#record.unfetched].map((one) => Object.keys(one).length);
    if (there <= here + (unfetched ?? 0) && there >= here - (refused ?? 0)) return;
    log.verbose('the registry here and at the centre differ; everything is compared', { here, there });
    this.#beginAnew();
    await this.#pull(undefined, signal);
    await this.#push(signal);
  }

  #note(news: Partial<SyncRecord>): void {
    this.#record = { ...this.#record, ...news };
  }

  /** A later instant alone is not worth a write. */
  async #save(): Promise<void> {
    const record = this.#record;
    const { lastSyncAt, ...rest } = record;
    const text = JSON.stringify(rest);
    if (text === this.#written) return;
    await writeSyncRecord(this.#options.registry.database, record);
    this.#written = text;
  }

  #doubt(error: unknown): void {
    const isLink = error instanceof LinkError && error.linkDown;
    this.#session = isLink && this.#session !== 'none' ? 'interrupted' : 'none';
    if (isLink) return;
    this.#known.clear();
    // Something on the way takes no request as large as this, or gives no answer in time.
    this.#batchSize = Math.max(1, Math.floor(this.#batchSize / SMALLER));
  }

  #context(signal: AbortSignal): ReplicationContext {
    const { centre } = this.#options;
    return { local: this.#local, centre, known: this.#known, told: this.#told, batchSize: this.#batchSize, signal };
  }
}
