/**
 * Memory for bodies as they arrive, still compressed. A body has its room before it is read, so that what is in memory
 * stays below the limit however many villages send at once.
 *
 * Beyond half of the space only villages without another body in it get in, and a village's second and further bodies get
 * no more than a quarter of it together with its first: who sends little finds room beside those who send much. A body
 * that has the whole space to itself always fits.
 */
import { AppError } from '../../shared/app-error.js';

export interface BodySpaceOptions {
  capacityBytes: number;
  /** Seconds after which somebody sent away may come back. */
  retryAfterS(): number;
}

export class BodySpace {
  readonly #options: BodySpaceOptions;
  readonly #byVillage = new Map<string, number>();
  #usedBytes = 0;

  constructor(options: BodySpaceOptions) {
    this.#options = options;
  }

  get capacityBytes(): number {
    return this.#options.capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Room for a body of so many bytes. Throws `unavailable` when there is none. */
  take(village: string, bytes: number): BodyRoom {
    const ofVillage = this.#byVillage.get(village) ?? 0;
    if (ofVillage > 0 && this.#usedBytes + bytes > this.#options.capacityBytes / 2) throw this.#full();
    this.add(village, bytes);
    return new BodyRoom(this, village, bytes);
  }

  /**
   * `bytes` more for a body that has `ownBytes`. Throws `unavailable`, and changes nothing then. A body that is alone
   * always fits.
   */
  add(village: string, bytes: number, ownBytes = 0): void {
    const { capacityBytes } = this.#options;
    const ofVillage = this.#byVillage.get(village) ?? 0;
    if (this.#usedBytes > ownBytes && this.#usedBytes + bytes > capacityBytes) throw this.#full();
    if (ofVillage > ownBytes && ofVillage + bytes > capacityBytes / 4) throw this.#full();
    this.#usedBytes += bytes;
    this.#byVillage.set(village, ofVillage + bytes);
  }

  giveBack(village: string, bytes: number): void {
    this.#usedBytes -= bytes;
    const left = (this.#byVillage.get(village) ?? 0) - bytes;
    if (left > 0) this.#byVillage.set(village, left);
    else this.#byVillage.delete(village);
  }

  #full(): AppError {
    return new AppError('unavailable', 'the centre has no room for another body now', {
      retryAfterS: this.#options.retryAfterS(),
    });
  }
}

/** Room that a body has, until it gives it back. */
export class BodyRoom {
  readonly #space: BodySpace;
  readonly #village: string;
  #bytes: number;

  constructor(space: BodySpace, village: string, bytes: number) {
    this.#space = space;
    this.#village = village;
    this.#bytes = bytes;
  }

  /** Has room for `bytes` in all, as they arrive. Throws `unavailable`. */
  growTo(bytes: number): void {
    if (bytes <= this.#bytes) return;
    this.#space.add(this.#village, bytes - this.#bytes, this.#bytes);
    this.#bytes = bytes;
  }

  giveBack(): void {
    if (this.#bytes > 0) this.#space.giveBack(this.#village, this.#bytes);
    this.#bytes = 0;
  }
}
