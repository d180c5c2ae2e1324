/**
 * Remembers which centre it was; of one without receipts also what it said of its database, to notice when that was made
 * anew or set back: a backup may hold the newest checkpoints without the newest documents.
 */
import type { StoreState } from '../ledger/store-state.js';
import type { Centre } from './centre.js';

export interface TargetLook {
  /** It was made anew, or has had fewer changes than it once had. */
  isSetBack: boolean;
  /** From now on it is this that a later look is held against. */
  remember(): Promise<void>;
}

export class TargetMemory {
  readonly #centre: Pick<Centre, 'database'>;
  readonly #state: Pick<StoreState, 'target' | 'writeTarget'>;

  constructor(centre: Pick<Centre, 'database'>, state: Pick<StoreState, 'target' | 'writeTarget'>) {
    this.#centre = centre;
    this.#state = state;
  }

  /** Asks what the database is now. Throws LinkError. */
  async look(uuid: string, signal: AbortSignal): Promise<TargetLook> {
    const now = await this.#centre.database(signal);
    const { uuid: knownUuid, instanceStartTime, updateSeq = 0 } = this.#state.target;
    const isSetBack = knownUuid === uuid && (instanceStartTime !== now.instanceStartTime || now.updateSeq < updateSeq);
    return { isSetBack, remember: () => this.#state.writeTarget({ uuid, ...now }) };
  }

  /** Of a centre with receipts only who it is must be known. */
  rememberCentre(uuid: string): Promise<void> {
    return this.#state.writeTarget({ uuid, instanceStartTime: '', updateSeq: 0 });
  }
}
