/**
 * Limits guesses at credentials without letting a stranger lock anybody out.
 *
 * Failed logins are counted per address and name, and per address. Past the limit a login from there is not looked at at
 * all, be it right or wrong, unless that very credential was found right here within the last day: a node that is known
 * passes, also where it shares its address with whoever guesses. From every other address nothing changes.
 *
 * A credential found right is remembered as a keyed hash that means nothing outside this process, and only spares it
 * this limit: it is held against the village's record at each request all the same.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../time.js';
import { TokenBuckets } from '../token-buckets.js';

export interface LoginGuardOptions {
  clock: Clock;
  /** Failed logins a minute from one address, under one name and under all of them. */
  perName: number;
  perAddress: number;
}

const REMEMBER_MS = 24 * 3_600_000;
const MAX_REMEMBERED = 20_000;
const MAX_NAMES = 20_000;

export class LoginGuard {
  readonly #clock: Clock;
  readonly #secret = randomBytes(32);
  /** When a credential was last found right, by its keyed hash; the one not used for longest comes first. */
  readonly #right = new Map<string, number>();
  readonly #byName: TokenBuckets;
  readonly #byAddress: TokenBuckets;
  #refused = 0;

  constructor({ clock, perName, perAddress }: LoginGuardOptions) {
    this.#clock = clock;
    this.#byName = new TokenBuckets({ perMinute: perName, maxNames: MAX_NAMES, clock });
    this.#byAddress = new TokenBuckets({ perMinute: perAddress, maxNames: MAX_NAMES, clock });
  }

  /** Logins not looked at since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Seconds until a login from this address under this name is looked at; 0 when it is now. */
  waitS(address: string, name: string, credential: string): number {
    const waitMs = Math.max(this.#byName.waitMs(pairOf(address, name)), this.#byAddress.waitMs(address));
    if (waitMs === 0 || this.#isKnown(name, credential)) return 0;
    this.#refused++;
    return Math.ceil(waitMs / 1000);
  }

  succeeded(name: string, credential: string): void {
    const key = this.#keyOf(name, credential);
    this.#right.delete(key);
    this.#right.set(key, this.#clock.monotonic());
    for (const oldest of this.#right.keys()) {
      if (this.#right.size <= MAX_REMEMBERED) break;
      this.#right.delete(oldest);
    }
  }

  failed(address: string, name: string, credential: string): void {
    this.#right.delete(this.#keyOf(name, credential));
    this.#byName.take(pairOf(address, name));
    this.#byAddress.take(address);
  }

  #isKnown(name: string, credential: string): boolean {
    const rightAtMs = this.#right.get(this.#keyOf(name, credential));
    return rightAtMs !== undefined && this.#clock.monotonic() - rightAtMs < REMEMBER_MS;
  }

  #keyOf(name: string, credential: string): string {
    return createHmac('sha256', this.#secret)
      .update(`${name.toLowerCase()}\n${credential}`, 'utf8')
      .digest('base64url');
  }
}

/** Names come from outside, and may be as long as a header. */
function pairOf(address: string, name: string): string {
  return `${address} ${name.toLowerCase().slice(0, 64)}`;
}
