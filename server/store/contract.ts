/**
 * What the centre keeps and how, whichever database is behind it. Two implementations pass one conformance suite
 * (`test/conformance/central-store.test.ts`): the embedded store (PouchDB) and CouchDB.
 *
 * Promises every store keeps:
 * - When `write` resolves, every outcome with `ok` is durable: synced to disk (embedded), at a quorum (CouchDB).
 * - A document once held is never changed: the same id with another revision is refused, whoever sends it.
 * - Failures of the database itself are thrown as retryable AppErrors (`unavailable`, `storage_failed`), never turned
 *   into outcomes.
 * - Callers have checked ids and bodies; a store does not look into documents beyond `_id`, `_rev`, `node` and `seq`.
 */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { RangeReader } from '../../shared/range-reader.js';
import type { Receipt } from '../../shared/receipt.js';
import type { KeptAlerts } from '../alerts/kept-alerts.js';
import type { KeptHours } from '../gateway/contact-hours.js';
import type { NodeReport } from '../registry/node-report.js';
import type { VillageProfile } from '../registry/village-profile.js';
import type { ReadingsByDay } from './day-counts.js';
import type { RegistryDatabase } from './registry-contract.js';

/** A checked document on its way in; `body` is stored as it is and carries the same id and revision. */
export interface IncomingDocument {
  id: string;
  rev: string;
  node: string;
  seq: number;
  body: object;
}

/** Number under which a document is held. */
export interface HeldNumber {
  node: string;
  seq: number;
}

export type WriteOutcome =
  /** `held` only where the document was there before under another number. */
  { ok: true; held?: HeldNumber } | { ok: false; error: 'forbidden'; reason: string };

/** A village as kept; times are canonical instants. */
export interface VillageRecord {
  id: string;
  name?: string;
  lat?: number;
  lon?: number;
  /** Under which many villages are chosen at once. */
  region?: string;
  /** Salted hash of the credential, see `server/gateway/credential.ts`. */
  credentialHash: string;
  createdAt: string;
  /** Earlier credentials that are still good until their instant, the newest first. */
  previousCredentials?: { hash: string; until: string }[];
  disabledAt?: string;
  /** When it last asked anything, with success or not. */
  lastAttemptAt?: string;
  /** When a request of it last succeeded. */
  lastContactAt?: string;
  /** When a document of it was last taken. */
  lastDocumentAt?: string;
  /** When a request of it, or a login in its name, last failed, and with which HTTP status. */
  lastFailureAt?: string;
  lastFailureStatus?: number;
  /** How many have failed; after a crash of a gateway some may be missing. */
  failures?: number;
  /** Documents of its registry with an open conflict; absent where there never was one. */
  openConflicts?: number;
  /** What its registry says of it. */
  profile?: VillageProfile;
  /** The newest of its node. */
  report?: NodeReport;
  /** Its open alerts and the last that have gone. */
  keptAlerts?: KeptAlerts;
}

export interface VillageStore {
  /** All villages, by id. */
  list(): Promise<VillageRecord[]>;
  get(id: string): Promise<VillageRecord | undefined>;
  /** Throws `conflict` when the village exists. */
  create(record: VillageRecord): Promise<void>;
  /**
   * Replaces a record by what `change` makes of its newest version, which it may see more than once when others write
   * too. Returns the record kept; `undefined` when there is no such village.
   */
  update(id: string, change: (record: VillageRecord) => VillageRecord): Promise<VillageRecord | undefined>;
}

/** The hours of a village's contacts: a document of its own, so that lists of villages stay small. */
export interface ContactHoursStore {
  get(village: string): Promise<KeptHours | undefined>;
  /** Replaces what is kept, as `VillageStore.update` does. */
  update(village: string, change: (kept: KeptHours | undefined) => KeptHours): Promise<void>;
}

export interface LocalDocument {
  rev: string;
  body: Record<string, unknown>;
}

/** A village's `_local` documents: replication checkpoints; no village sees another's. */
export interface LocalDocuments {
  get(village: string, name: string): Promise<LocalDocument | undefined>;
  /**
   * Returns the new revision. `rev` is the one replaced, absent for a new document; throws `conflict` when it is not
   * the newest.
   */
  put(village: string, name: string, body: Record<string, unknown>, rev: string | undefined): Promise<string>;
  /** Throws `not_found` where there is none, `conflict` when `rev` is not the newest. */
  delete(village: string, name: string, rev: string | undefined): Promise<void>;
}

/** Answer to `GET /telemetry`, in CouchDB's terms. */
export interface TelemetryInfo {
  doc_count: number;
  doc_del_count: number;
  /** Grows with every write; smaller again when the database was set back to an older state. */
  update_seq: number | string;
  /** When the database was created: another one is another database, whatever its name and contents. */
  instance_start_time: string;
}

/** Answer to `_revs_diff`: ids without missing revisions are left out. */
export type RevisionsMissing = Record<string, { missing: string[]; possible_ancestors?: string[] }>;

/** A question in CouchDB's own words about the telemetry; whoever asks has made sure that it only reads. */
export interface CouchQuery {
  method: 'GET' | 'POST';
  /** Encoded path below the database. */
  path: string;
  parameters: URLSearchParams;
  body?: object | undefined;
  /** Ends the answer when aborted. */
  signal: AbortSignal;
}

export type CouchQueryAnswer =
  /** The bytes as CouchDB sends them; they end with an error when the answer breaks off. */
  | { ok: true; status: number; chunks: AsyncIterable<Uint8Array> }
  /** CouchDB's own words of refusal. */
  | { ok: false; status: number; error: string; reason: string };

/** What is held of the numbers a node gave. */
export interface NodeNumbers {
  node: string;
  /** Numbers under which a document is held. */
  held: number;
  /** The highest of them. */
  highest: number;
}

/** Numbers `from` to `to`, both included. */
export type NumberSpan = readonly [from: number, to: number];

/**
 * Which numbers are held, told from an index and not by reading documents. Covers whatever was acknowledged before the
 * question; throws `unavailable` with a time to try again while the index is too far behind.
 *
 * A CouchDB counts documents: a number a node gave twice counts twice there, and once in the embedded store, so that it
 * hides a number that is missing in the same span.
 */
export interface NumberIndex {
  /** Every node of which the village has a document here, by name. */
  nodes(village: string): Promise<NodeNumbers[]>;
  /** How many numbers are held within each span, in the order of the spans. */
  counts(village: string, node: string, spans: readonly NumberSpan[]): Promise<number[]>;
  /**
   * The documents under numbers that are held right before or behind a gap, in the order of the numbers; `undefined` for
   * a number that is none such.
   */
  besideGaps(village: string, node: string, seqs: readonly number[]): Promise<(TelemetryDocument | undefined)[]>;
}

/** Days in UTC as `2026-03-01`, the last one left out; of all villages where none is named. */
export interface AskedDays {
  from: string;
  to: string;
  village?: string;
}

/**
 * How many readings are held of each day, by their own time, told from an index. Covers whatever was acknowledged before
 * the question; throws `unavailable` with a time to try again while the index is too far behind.
 */
export interface DayIndex {
  /** By village and day; those without readings are left out. */
  readings(asked: AskedDays): Promise<ReadingsByDay>;
}

/** A document, and the position behind it. */
export interface Arrival {
  position: string;
  document: TelemetryDocument;
}

export interface ArrivalPage {
  arrivals: Arrival[];
  /** Behind the last entry looked at, which need not be a document. */
  last: string;
  /** Nothing further had arrived. */
  isEnd: boolean;
}

/**
 * Documents in the order in which the database took them: one that is acknowledged after a page was read is behind that
 * page's `last`. Deletions, which only an operator makes, are left out.
 */
export interface ArrivalOrder {
  /** Names the database that positions belong to: another one, or the same made anew, has another name. */
  identity(): Promise<string>;
  /**
   * The next 1 to 1,000 entries behind a position, or from the beginning. Throws `invalid_request` for a position this
   * database cannot have given.
   */
  read(position: string | undefined, limit: number): Promise<ArrivalPage>;
}

export interface CentralStore {
  readonly kind: 'embedded' | 'couchdb';
  /** Names this database to replicators: the same for every gateway before it, new when it is a new one. */
  readonly uuid: string;
  /** Version in the style of CouchDB's, such as `3.5.0`. */
  readonly couchVersion: string;
  readonly telemetry: RangeReader;
  readonly numbers: NumberIndex;
  readonly days: DayIndex;
  readonly arrivals: ArrivalOrder;
  readonly villages: VillageStore;
  readonly contactHours: ContactHoursStore;
  readonly local: LocalDocuments;
  /** The registry of a village that exists. Nothing is asked of a database before it is used. */
  registry(village: string): RegistryDatabase;
  /** Throws when the database cannot be used now. */
  ping(): Promise<void>;
  info(): Promise<TelemetryInfo>;
  revsDiff(asked: Record<string, string[]>): Promise<RevisionsMissing>;
  /** Outcomes in the order of the documents. An id given twice in one call: the first counts. */
  write(documents: readonly IncomingDocument[]): Promise<WriteOutcome[]>;
  /**
   * Of the documents of a village that are held now, by whichever gateway they came, under the numbers `from` to `to` of
   * a node, both included. What cannot be read is not counted; where the store cannot tell, `unavailable` or
   * `storage_failed` is thrown with a time to try again. The counting ends soon after `signal` was aborted; what is
   * thrown then is for nobody.
   */
  receipt(village: string, node: string, from: number, to: number, signal?: AbortSignal): Promise<Receipt>;
  /**
   * Asks CouchDB, and resolves when `take` has taken its answer. Throws `unavailable` while CouchDB cannot be asked; there
   * is no such method where there is no CouchDB.
   */
  query?(query: CouchQuery, take: (answer: CouchQueryAnswer) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
