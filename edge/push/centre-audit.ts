/**
 * Holds what counts as delivered against the centre: in every forced run, and whenever the centre is found to be another
 * than it was.
 *
 * A centre with receipts proves what it holds. Of a plain CouchDB the checkpoints are believed as long as its database is
 * the one that was seen before; where it was made anew or set back, nothing counts as delivered.
 */
import { messageOf } from '../../shared/app-error.js';
import type { Logger } from '../../shared/logger.js';
import type { Ledger } from '../ledger/ledger.js';
import { countNumbers, type NumberRange, withRange } from '../ledger/number-ranges.js';
import type { StoreState } from '../ledger/store-state.js';
import { LinkError } from '../link/link-error.js';
import type { Centre } from './centre.js';
import type { PushSession } from './push-session.js';
import { TargetMemory } from './target-memory.js';
import { missingVoids } from './void-proof.js';

export interface CentreAuditOptions {
  centre: Pick<Centre, 'database' | 'missing'>;
  ledger: Pick<Ledger, 'segments' | 'repair'>;
  state: Pick<StoreState, 'target' | 'writeTarget'>;
  log: Logger;
}

export class CentreAudit {
  readonly #options: CentreAuditOptions;
  readonly #target: TargetMemory;

  constructor(options: CentreAuditOptions) {
    this.#options = options;
    this.#target = new TargetMemory(options.centre, options.state);
  }

  /** When a session begins. What is missing is put back to be sent again. Throws LinkError. */
  async begin(session: PushSession, signal: AbortSignal): Promise<void> {
    const { uuid, receipts } = session.identity;
    if (!receipts) return this.#lookAtDatabase(session, signal);
    const { uuid: known } = this.#options.state.target;
    if (known === uuid) return;
    if (known !== undefined) await this.#prove(session, signal);
    await this.#target.rememberCentre(uuid);
  }

  /** In a forced run: what counts as delivered must be there now; what is not is put back. Throws LinkError. */
  async audit(session: PushSession, signal: AbortSignal): Promise<void> {
    const { ledger, log } = this.#options;
    // What cannot be repaired now must not hold up what is sound.
    await ledger.repair().catch((error: unknown) => {
      log.warn('what is damaged could not be repaired now', { error: messageOf(error) });
    });
    if (session.proof) return this.#prove(session, signal);
    for (const segment of ledger.segments.filter(({ damage }) => !damage)) await session.enter(segment, signal);
  }

  /** After a checkpoint, and before a confirmation. Throws LinkError where the database is not the one that was seen. */
  async assertSame(session: PushSession, signal: AbortSignal): Promise<void> {
    if (session.proof) return;
    const { isSetBack, remember } = await this.#target.look(session.identity.uuid, signal);
    // The next session finds the same, and asks for everything.
    if (isSetBack) {
      throw new LinkError('REQUEST_ERROR', 'the database of the centre was made anew or set back meanwhile');
    }
    await remember();
  }

  async #prove(session: PushSession, signal: AbortSignal): Promise<void> {
    const { ledger, log } = this.#options;
    const { proof } = session;
    if (!proof) return;
    const segments = ledger.segments.filter(({ damage }) => !damage);
    const unproven = await proof.unprovenIn(segments, signal);
    proof.forgetOthers(segments);
    for (const segment of segments) {
      const voids = await missingVoids(segment, this.#options.centre, signal);
      const numbers = voids.reduce(withRange, (unproven.get(segment) ?? []) as readonly NumberRange[]);
      if (numbers.length === 0) continue;
      log.warn('the centre no longer holds documents it had; they are sent again', {
        segment: segment.number,
        documents: countNumbers(numbers),
      });
      await session.sendAgain(segment, numbers);
    }
  }

  async #lookAtDatabase(session: PushSession, signal: AbortSignal): Promise<void> {
    const { ledger, log } = this.#options;
    const { isSetBack, remember } = await this.#target.look(session.identity.uuid, signal);
    if (isSetBack) {
      log.warn('the database of the centre was made anew or set back; it is asked for everything');
      for (const segment of ledger.segments) {
        const { firstSeq, damage, delivery } = segment;
        if (damage || delivery.deliveredSeq === 0) continue;
        await session.sendAgain(segment, [[firstSeq, firstSeq + delivery.deliveredSeq - 1]]);
      }
    }
    await remember();
  }
}
