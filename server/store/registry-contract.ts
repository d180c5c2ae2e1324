/**
 * What the centre keeps of a village's registry: one database for each village, in CouchDB's words, with what replication
 * and the registry itself need of it. Two implementations pass one conformance suite
 * (`test/conformance/central-registry.test.ts`).
 *
 * Promises of every one:
 * - It is there as soon as it is used, by whichever gateway first; one that was deleted meanwhile is made again, empty.
 * - What `write`, `put` and `graft` resolve with is durable: synced to disk (embedded), at a quorum (CouchDB).
 * - Failures of the database are thrown as retryable AppErrors (`unavailable`, `storage_failed`, `busy`).
 * - Callers know that there is such a village, and have checked ids and bodies.
 */
import type { LeafStore } from '../../shared/registry/leaf-store.js';
import type { LocalDocuments, RevisionsMissing, TelemetryInfo } from './contract.js';

/** A position in the order of changes, as the database gave it. */
export type ChangePosition = string | number;

/** A document that was changed, with all its leaves. */
export interface RegistryChange {
  seq: ChangePosition;
  id: string;
  changes: { rev: string }[];
  deleted?: boolean;
  /** The winner, where it was asked for. */
  doc?: object;
}

export interface ChangePage {
  results: RegistryChange[];
  /** Behind the last entry looked at. */
  last_seq: ChangePosition;
  /** How many follow; left out where the database cannot tell. */
  pending?: number;
}

export interface AskedChanges {
  /** From the beginning where it is absent. */
  since: ChangePosition | undefined;
  /** From 1. */
  limit: number;
  includeDocs?: boolean;
}

/** One revision of a document, or all its leaves. */
export interface AskedRevision {
  id: string;
  rev: string | 'all';
}

export interface RevisionOptions {
  /** The leaves that a revision led to, in its place. */
  latest: boolean;
  /** With `_revisions`. */
  history: boolean;
}

export type FoundRevision = { ok: Record<string, unknown> } | { missing: string };

/** Of a document. */
export interface LeafName {
  rev: string;
  deleted: boolean;
}

/** A document the database itself refused. */
export interface WriteRefusal {
  id: string;
  reason: string;
}

export interface RegistryDatabase extends LeafStore {
  info(): Promise<TelemetryInfo>;
  /** Throws `invalid_request` for a position this database cannot have given. */
  changes(asked: AskedChanges): Promise<ChangePage>;
  /**
   * Resolves with true when something was changed since, by whichever gateway, and with false when `signal` is aborted
   * first. Holds no connection to a database meanwhile. Throws what `changes` throws.
   */
  waitForChange(since: ChangePosition | undefined, signal: AbortSignal): Promise<boolean>;
  revsDiff(asked: Record<string, string[]>): Promise<RevisionsMissing>;
  /** An answer for each question, in their order; an empty one where all leaves of an unknown document were asked for. */
  revisions(asked: readonly AskedRevision[], options: RevisionOptions): Promise<FoundRevision[][]>;
  /** Which leaves each of these documents has, in their order, without reading all of them; none where it is unknown. */
  leafNames(ids: readonly string[]): Promise<LeafName[][]>;
  /**
   * Adds replicated documents, which carry `_id` and `_rev` or `_revisions`; returns those that the database refused.
   */
  write(documents: readonly object[]): Promise<WriteRefusal[]>;
  /** Checkpoints of replications. */
  readonly local: LocalDocuments;
}
