/**
 * What follows from a write to a village's registry: its documents are joined, and the record of the village says how many
 * conflicts are open, what its profile says and what its node reported last, so that a list of all villages opens no registry.
 *
 * The number of conflicts and the profile are written when they have changed, and looked at again after that: gateways that
 * look at the same registry at the same time agree on the last word. Where it could not be looked at, or a gateway ended
 * before, it is with the village's next write, and at least once a day that a report comes. Reports travel with the
 * contacts, which cost no write each.
 */
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import { REPORT_PREFIX } from '../../shared/registry/node-reports.js';
import { TRACE_PREFIX } from '../../shared/registry/traces.js';
import { type Clock, formatInstant } from '../../shared/time.js';
import type { ContactLog } from '../gateway/contact-log.js';
import type { CentralStore, VillageRecord } from '../store/contract.js';
import { OverlapTurns } from '../store/overlap-turns.js';
import { newestReport, parseReport } from './node-report.js';
import { profileIn } from './village-profile.js';
import type { VillageRegistries } from './village-registries.js';

export interface RegistryNotesOptions {
  store(): CentralStore;
  registries: Pick<VillageRegistries, 'of'>;
  contacts: Pick<ContactLog, 'noteReport'>;
  clock: Clock;
  log: Logger;
}

const PROFILE_PREFIX = 'profile:';
const COUNT_AGAIN_MS = 20 * 3_600_000;
/** Villages of which it is remembered when they were counted. */
const MAX_REMEMBERED = 200_000;
/** Another gateway would have to change the number as often as this between two looks. */
const MAX_LOOKS = 5;

export class RegistryNotes {
  readonly #options: RegistryNotesOptions;
  readonly #turns = new OverlapTurns();
  /** Counts that have not begun yet: whoever asks meanwhile is content with them. */
  readonly #waiting = new Map<string, Promise<void>>();
  /** By the monotonic clock. */
  readonly #countedAtMs = new Map<string, number>();

  constructor(options: RegistryNotesOptions) {
    this.#options = options;
  }

  /**
   * After a village has written these documents: joins those that have several leaves now. Never rejects: what cannot be
   * joined is joined by whoever reads it, which is no reason to have it all sent again.
   */
  async written(village: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#tend(village);
    const reported = ids.filter((id) => id.startsWith(REPORT_PREFIX));
    const isEdited = ids.some((id) => !id.startsWith(REPORT_PREFIX) && !id.startsWith(TRACE_PREFIX));
    if (reported.length > 0) await this.#noteReport(village, reported);
    if (isEdited || (reported.length > 0 && this.#isLongAgo(village))) await this.counted(village);
  }

  /**
   * After an edit of one document at the centre, which knew what was there and so makes no conflict; but the village may
   * have sent another one through another gateway meanwhile. Never rejects.
   */
  async edited({ id: village, openConflicts = 0 }: VillageRecord, document: string): Promise<void> {
    const joined = await this.#tend(village, [document]);
    if (joined.length > 0 || openConflicts > 0 || document.startsWith(PROFILE_PREFIX)) await this.counted(village);
  }

  /**
   * Counts the open conflicts of a village again, looks at its profile, and keeps both in its record. Never rejects: what cannot be
   * counted now is counted later.
   */
  counted(village: string): Promise<void> {
    const waiting = this.#waiting.get(village);
    if (waiting) return waiting;
    const count = this.#turns.run([village], async () => {
      this.#waiting.delete(village);
      try {
        await this.#count(village);
        this.#remember(village);
      } catch (error) {
        this.#countedAtMs.delete(village);
        const { log } = this.#options;
        log.warn('the conflicts of a village could not be counted; they are with its next write', {
          village,
          error: messageOf(error),
        });
      }
    });
    this.#waiting.set(village, count);
    return count;
  }

  async #tend(village: string, ids?: readonly string[]): Promise<string[]> {
    const { registries, log } = this.#options;
    try {
      return await registries.of(village).tend(ids);
    } catch (error) {
      this.#countedAtMs.delete(village);
      log.warn('documents of a registry could not be joined yet', { village, error: messageOf(error) });
      return [];
    }
  }

  async #count(village: string): Promise<void> {
    const { store, registries } = this.#options;
    for (let look = 0; look < MAX_LOOKS; look++) {
      const registry = registries.of(village);
      const openConflicts = (await registry.conflicts()).length;
      const profile = profileIn(await registry.list('profile'));
      const record = await store().villages.get(village);
      if (!record) return;
      const isCounted = (record.openConflicts ?? 0) === openConflicts;
      if (isCounted && isDeepStrictEqual(record.profile, profile)) return;
      await store().villages.update(village, ({ profile: _, ...newest }) => ({
        ...newest,
        ...(isCounted ? {} : { openConflicts }),
        ...(profile ? { profile } : {}),
      }));
    }
  }

  async #noteReport(village: string, ids: readonly string[]): Promise<void> {
    const { registries, contacts, clock, log } = this.#options;
    try {
      const receivedAt = formatInstant(clock.now());
      const bodies = (await registries.of(village).reports()).filter(({ node }) => ids.includes(REPORT_PREFIX + node));
      const report = newestReport(bodies.flatMap((body) => parseReport(body, receivedAt) ?? []));
      if (report) contacts.noteReport(village, report);
    } catch (error) {
      log.warn('the report of a village could not be read; its next one is', { village, error: messageOf(error) });
    }
  }

  #isLongAgo(village: string): boolean {
    const countedAtMs = this.#countedAtMs.get(village);
    return countedAtMs === undefined || this.#options.clock.monotonic() - countedAtMs >= COUNT_AGAIN_MS;
  }

  #remember(village: string): void {
    this.#countedAtMs.delete(village);
    this.#countedAtMs.set(village, this.#options.clock.monotonic());
    for (const oldest of this.#countedAtMs.keys()) {
      if (this.#countedAtMs.size <= MAX_REMEMBERED) break;
      this.#countedAtMs.delete(oldest);
    }
  }
}
