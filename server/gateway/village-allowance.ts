/** What one village may ask at once and in a minute, whatever the others do: beyond it 429, with a time to come back. */
import type { RequestHandler, Response } from 'express';
import { AppError } from '../../shared/app-error.js';
import type { Clock } from '../../shared/time.js';
import { TokenBuckets } from '../../shared/token-buckets.js';
import { villageOf } from '../roles.js';
import type { GatewayLimits } from './gateway-limits.js';

const MAX_VILLAGES = 200_000;

export class VillageAllowance {
  readonly #limits: GatewayLimits;
  readonly #rate: TokenBuckets;
  /** Requests under way. */
  readonly #underWay = new Map<string, number>();

  constructor(limits: GatewayLimits, clock: Clock) {
    this.#limits = limits;
    this.#rate = new TokenBuckets({ perMinute: limits.villageRequestsPerMinute, maxNames: MAX_VILLAGES, clock });
  }

  /** Begins a request; returns what ends it. Throws `too_many_requests`. */
  enter(village: string): () => void {
    const { villageRequests, villageRequestsPerMinute } = this.#limits;
    const underWay = this.#underWay.get(village) ?? 0;
    if (underWay >= villageRequests) {
      throw new AppError('too_many_requests', `at most ${villageRequests} requests of a village at once`, {
        retryAfterS: 1,
      });
    }
    if (!this.#rate.take(village)) {
      const retryAfterS = Math.ceil(this.#rate.waitMs(village) / 1000);
      throw new AppError('too_many_requests', `at most ${villageRequestsPerMinute} requests of a village a minute`, {
        retryAfterS,
      });
    }
    this.#underWay.set(village, underWay + 1);
    return () => this.#leave(village);
  }

  #leave(village: string): void {
    const left = (this.#underWay.get(village) ?? 1) - 1;
    if (left > 0) this.#underWay.set(village, left);
    else this.#underWay.delete(village);
  }
}

/** Behind `require('village')`: every request counts until its answer is out or its connection gone. */
export function allowedAtOnce(allowance: VillageAllowance): RequestHandler {
  return (_request, response, next) => {
    // Gone while it was found out who is asking: nothing would tell of its end any more.
    if (response.destroyed) return;
    const leave = allowance.enter(villageOf(response));
    let isOver = false;
    const leaveOnce = () => {
      if (!isOver) leave();
      isOver = true;
    };
    response.locals.leave = leaveOnce;
    response.once('close', leaveOnce);
    next();
  };
}

/** For a request that does nothing but wait from now on: it no longer counts among those under way. */
export function waitsFromNowOn(response: Response): void {
  const leave: unknown = response.locals.leave;
  if (typeof leave === 'function') leave();
}
