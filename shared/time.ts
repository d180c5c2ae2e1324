/**
 * Instants: RFC 3339 in, UTC with milliseconds out, which is how they are stored and compared (the text sorts by time).
 */

/** Wall clock and monotonic clock in milliseconds, so that tests can lie about both. */
export interface Clock {
  /** Milliseconds since 1970 as the machine believes. */
  now(): number;
  /** Milliseconds that only ever grow, from any origin. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,12}))?([Zz]|[+-]\d{2}:\d{2})$/;

const CANONICAL_LENGTH = 24;

/** Instants kept lie in the years 0000 to 9999 UTC, so that the text form always sorts. */
const MIN_MS = Date.parse('0000-01-01T00:00:00.000Z');
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Milliseconds since 1970 of an RFC 3339 date-time; fractions beyond milliseconds are cut off.
 * `undefined` for anything else: no offset, a 30th of February, a leap second, an offset of more than a day.
 */
export function parseInstant(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', offset = 'Z'] = match;
  const fields = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const millisecond = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const date = new Date(0);
  date.setUTCFullYear(fields[0], fields[1] - 1, fields[2]);
  date.setUTCHours(fields[3], fields[4], fields[5], millisecond);
  const rolledOver =
    date.getUTCFullYear() !== fields[0] ||
    date.getUTCMonth() !== fields[1] - 1 ||
    date.getUTCDate() !== fields[2] ||
    date.getUTCHours() !== fields[3] ||
    date.getUTCMinutes() !== fields[4] ||
    date.getUTCSeconds() !== fields[5];
  if (rolledOver) return undefined;
  const offsetMinutes = parseOffset(offset);
  if (offsetMinutes === undefined) return undefined;
  const ms = date.getTime() - offsetMinutes * 60_000;
  return ms < MIN_MS || ms > MAX_MS ? undefined : ms;
}

/** `2026-11-21T22:55:00.000Z` for milliseconds since 1970; 24 characters for the years 0000 to 9999. */
export function formatInstant(ms: number): string {
  return new Date(ms).toISOString();
}

/** True for an instant in the form it is stored in, which most senders use: told in a tenth of the time of parsing. */
export function isCanonicalInstant(text: string): boolean {
  if (text.length !== CANONICAL_LENGTH || !text.endsWith('Z')) return false;
  const ms = Date.parse(text);
  return Number.isFinite(ms) && formatInstant(ms) === text;
}

function parseOffset(offset: string): number | undefined {
  if (offset === 'Z' || offset === 'z') return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** Resolves after `delayMs`, or at once when `signal` is aborted; never rejects, so callers look at the signal. */
export function sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, delayMs);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
