/**
 * Which villages there are, and whether a credential is theirs. Records are cached for a few seconds, so that a batch
 * of requests costs one look-up and a village disabled on any gateway is out on all of them within 5 s.
 */
import { AppError } from '../../shared/app-error.js';
import { villageIdSchema } from '../../shared/documents.js';
import type { Clock } from '../../shared/time.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';
import { HASH_OF_NOTHING, verifyCredential } from './credential.js';
import { isCredentialOf } from './credential-rotation.js';

export interface VillageDirectoryOptions {
  store(): CentralStore;
  clock: Clock;
}

export type Authentication =
  | { ok: true; village: string }
  /** `village` where it exists: someone tried its name. */
  | { ok: false; village?: string };

const FRESH_MS = 3_000;
const MAX_CACHED = 20_000;

interface Cached {
  record: Promise<VillageRecord | undefined>;
  readAtMs: number;
}

export class VillageDirectory {
  readonly #options: VillageDirectoryOptions;
  readonly #cache = new Map<string, Cached>();

  constructor(options: VillageDirectoryOptions) {
    this.#options = options;
  }

  /**
   * Checks a credential; an unknown village and a wrong credential look the same. Throws `forbidden` for the right
   * credential of a disabled village, and what the store throws when it cannot be asked.
   */
  async authenticate(user: string, password: string): Promise<Authentication> {
    const id = villageIdSchema.safeParse(user).data;
    const record = id === undefined ? undefined : await this.#find(id);
    const isRight = record
      ? isCredentialOf(record, password, this.#options.clock.now())
      : verifyCredential(password, HASH_OF_NOTHING);
    if (!record || !isRight) return { ok: false, ...(record ? { village: record.id } : {}) };
    if (record.disabledAt !== undefined) throw disabled(record.id);
    return { ok: true, village: record.id };
  }

  /** Throws `forbidden` for a village that has been disabled since it was let in. */
  async assertEnabled(id: string): Promise<void> {
    if ((await this.#find(id))?.disabledAt !== undefined) throw disabled(id);
  }

  /** Makes a change known to this process at once. */
  forget(id: string): void {
    this.#cache.delete(id);
  }

  #find(id: string): Promise<VillageRecord | undefined> {
    const nowMs = this.#options.clock.monotonic();
    const cached = this.#cache.get(id);
    if (cached && nowMs - cached.readAtMs < FRESH_MS) return cached.record;
    const record = this.#read(id);
    // Re-inserting keeps the map in order of age: the first entries are the ones to drop.
    this.#cache.delete(id);
    this.#cache.set(id, { record, readAtMs: nowMs });
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= MAX_CACHED) break;
      this.#cache.delete(oldest);
    }
    return record;
  }

  async #read(id: string): Promise<VillageRecord | undefined> {
    try {
      const record = await this.#options.store().villages.get(id);
      // Of no use to whoever checks a credential, and the largest part of thousands of cached records.
      if (!record) return undefined;
      const { report, ...rest } = record;
      return rest;
    } catch (error) {
      this.#cache.delete(id);
      throw error;
    }
  }
}

function disabled(id: string): AppError {
  return new AppError('forbidden', `the village ${id} is disabled at the centre`);
}
