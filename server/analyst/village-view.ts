/** A village as analysts see it: what is truly known here, nothing guessed. */
import type { VillageRecord } from '../store/contract.js';

export interface VillageView {
  id: string;
  name?: string;
  lat?: number;
  lon?: number;
  createdAt: string;
  disabled: boolean;
  /** When a request of it last succeeded. */
  lastContactAt?: string;
  /** When it last asked anything, refused or not. */
  lastAttemptAt?: string;
  /** When a document of it was last taken. */
  lastDocumentAt?: string;
  /** When a request of it, or a login in its name, last failed, and with which HTTP status. */
  lastFailureAt?: string;
  lastFailureStatus?: number;
  /** How many have failed. */
  failures?: number;
  /** Not heard of for longer than is expected of a village. */
  silent: boolean;
}

const MS_PER_HOUR = 3_600_000;

/** A village never heard of is silent once it is older than `silentAfterHours`. */
export function viewOf(record: VillageRecord, nowMs: number, silentAfterHours: number): VillageView {
  const { credentialHash, previousCredentials, disabledAt, ...shown } = record;
  const heardMs = Date.parse(record.lastContactAt ?? record.createdAt);
  return {
    ...shown,
    disabled: disabledAt !== undefined,
    silent: nowMs - heardMs > silentAfterHours * MS_PER_HOUR,
  };
}
