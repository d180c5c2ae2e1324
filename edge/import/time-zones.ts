/**
 * Local times and instants. A local time is a *wall time*: the milliseconds since 1970 a UTC clock with the same hands
 * would have. When clocks are put forward some wall times are no instant, when they are put back some are two.
 */
import { IANAZone } from 'luxon';
import { AppError } from '../../shared/app-error.js';

export interface TimeZone {
  /** As it was given, such as `Africa/Douala` or `UTC+1`. */
  name: string;
  /** Milliseconds the zone's clocks are ahead of UTC at an instant. */
  offsetMs(instantMs: number): number;
}

const DAY_MS = 86_400_000;
const MAX_OFFSET_MINUTES = 14 * 60;
/** Distances from a local midnight at which the offset is sampled, to tell that no clock changes near that day. */
const PROBES_MS = [-1, -0.5, 0, 0.5, 1, 1.5, 2].map((days) => days * DAY_MS);

/**
 * A zone from its IANA name, `UTC`, or a fixed offset such as `UTC-7` or `-07:00`. Throws `usage` for anything else.
 */
export function parseTimeZone(text: string): TimeZone {
  const name = text.trim();
  const fixed = /^(?:UTC)?([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(name);
  if (fixed) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3] ?? 0);
    if (minutes > MAX_OFFSET_MINUTES || Number(fixed[3] ?? 0) > 59) {
      throw new AppError('usage', `--tz ${name} is more than 14 hours away from UTC`);
    }
    const offsetMs = (fixed[1] === '-' ? -minutes : minutes) * 60_000;
    return { name, offsetMs: () => offsetMs };
  }
  if (/^(UTC|Z)$/i.test(name)) return { name: 'UTC', offsetMs: () => 0 };
  if (!/^[A-Za-z]/.test(name) || !IANAZone.isValidZone(name)) {
    throw new AppError(
      'usage',
      `--tz ${JSON.stringify(text)} is not a time zone; give an IANA name such as Africa/Douala, or UTC, or an offset such as UTC-7 or -07:00`,
    );
  }
  const zone = IANAZone.create(name);
  return { name, offsetMs: (instantMs) => Math.round(zone.offset(instantMs) * 60_000) };
}

/** Finds the instants of wall times; remembers the last day looked at, since files are ordered by time. */
export class WallClock {
  readonly zone: TimeZone;
  #day = Number.NaN;
  /** The offset all around that day, or undefined where clocks change. */
  #steadyOffsetMs: number | undefined;

  constructor(zone: TimeZone) {
    this.zone = zone;
  }

  /** The instants (ms since 1970, ascending) at which the zone's clocks show `wallMs`: one, none or two. */
  instantsOf(wallMs: number): number[] {
    const day = Math.floor(wallMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#steadyOffsetMs = this.#offsetAround(day * DAY_MS);
    }
    return this.#steadyOffsetMs === undefined ? this.#search(wallMs) : [wallMs - this.#steadyOffsetMs];
  }

  #offsetAround(midnightMs: number): number | undefined {
    const [first, ...others] = PROBES_MS.map((probeMs) => this.zone.offsetMs(midnightMs + probeMs));
    return others.every((offsetMs) => offsetMs === first) ? first : undefined;
  }

  /** Tries every offset in force within a day (the longest jump there has been is a day, at the date line). */
  #search(wallMs: number): number[] {
    const offsets = new Set(PROBES_MS.map((probeMs) => this.zone.offsetMs(wallMs + probeMs - DAY_MS / 2)));
    return [...offsets]
      .map((offsetMs) => ({ instantMs: wallMs - offsetMs, offsetMs }))
      .filter(({ instantMs, offsetMs }) => this.zone.offsetMs(instantMs) === offsetMs)
      .map(({ instantMs }) => instantMs)
      .sort((a, b) => a - b);
  }
}
