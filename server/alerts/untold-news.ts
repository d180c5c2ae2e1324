/**
 * News of a village's alerts that webhooks are still to be told: kept in its record until that was done, each claimed by one
 * gateway for some minutes. A gateway that goes on telling renews its claim; what nobody has confirmed or renewed in time is
 * taken up by whichever gateway looks next, and told again under the same id. Pure.
 */
import type { AlertNews, KeptAlerts } from './kept-alerts.js';

export interface UntoldNews extends AlertNews {
  /** The same whoever tells of it, and however often. */
  id: string;
  /** The gateway that tells of it, and until when (canonical instant) no other one does. */
  by: string;
  until: string;
}

export interface Claiming {
  /** Names the gateway. */
  by: string;
  nowMs: number;
  /** News that this gateway is telling of. */
  telling: ReadonlySet<string>;
  /** News that were told of, or given up. */
  done: ReadonlySet<string>;
}

export const CLAIM_MS = 600_000;
/** News of a village that wait; the oldest go. */
const MAX_UNTOLD = 30;

export interface Claimed {
  kept: KeptAlerts;
  /** What this gateway is to tell of now, in order. */
  news: UntoldNews[];
  /** Whether anything has to be written. */
  isChanged: boolean;
}

/** `fresh` are new; they come behind what waits. */
export function claimNews(kept: KeptAlerts, fresh: readonly UntoldNews[], claiming: Claiming): Claimed {
  const { by, nowMs, telling, done } = claiming;
  const claim = { by, until: new Date(nowMs + CLAIM_MS).toISOString() };
  const { untold: waiting = [], ...rest } = kept;
  const news: UntoldNews[] = [];
  let isChanged = fresh.length > 0;
  const left: UntoldNews[] = [];
  for (const one of waiting) {
    if (done.has(one.id)) {
      isChanged = true;
      continue;
    }
    const leftMs = Date.parse(one.until) - nowMs;
    const isOurs = telling.has(one.id);
    // A clock that was ahead must not keep anything claimed for ever.
    const isDue = isOurs ? leftMs < CLAIM_MS / 2 : leftMs <= 0 || leftMs > 2 * CLAIM_MS;
    if (!isDue) left.push(one);
    else {
      isChanged = true;
      const taken = { ...one, ...claim };
      left.push(taken);
      if (!isOurs) news.push(taken);
    }
  }
  news.push(...fresh.map((one) => ({ ...one, ...claim })));
  const untold = [...left, ...fresh.map((one) => ({ ...one, ...claim }))].slice(-MAX_UNTOLD);
  return { kept: { ...rest, ...(untold.length > 0 ? { untold } : {}) }, news, isChanged };
}
