/**
 * Instants from the texts of a file's time column, in the file's order.
 *
 * Invariant: the same texts in the same order give the same instants, so importing a file again adds nothing. A wall
 * time that happens twice (clocks put back) is the earlier instant first and the later one once the file would
 * otherwise not advance; in a file that runs backwards it is the other way round. One that never happens (clocks put
 * forward) is a problem of its row.
 */
import { formatInstant } from '../../shared/time.js';
import { customTimeForm } from './custom-time-form.js';
import { readUsualTime, type TimeForm } from './time-forms.js';
import { parseTimeZone, WallClock } from './time-zones.js';

/** The time in its stored form, or a sentence about the text. */
export type ReadTime = { at: string } | { problem: string };

export interface TimeReaderOptions {
  /** Zone of times without an offset: IANA name, `UTC`, or a fixed offset such as `UTC-7` or `-07:00`. */
  timeZone: string;
  /** Luxon tokens; the usual forms are recognised without. */
  timeFormat?: string | undefined;
}

/** Length of a stored instant of the years 0000 to 9999. */
const INSTANT_LENGTH = 24;

export class TimeReader {
  readonly #clock: WallClock;
  readonly #form: TimeForm;
  #lastMs: number | undefined;
  /** How many more times the file went forward than back. */
  #trend = 0;

  /** Throws `usage` for an unknown zone or a format that cannot work. */
  constructor({ timeZone, timeFormat }: TimeReaderOptions) {
    this.#clock = new WallClock(parseTimeZone(timeZone));
    this.#form = timeFormat === undefined ? readUsualTime : customTimeForm(timeFormat);
  }

  /** The instant of the next time in the file. */
  read(text: string): ReadTime {
    const quoted = JSON.stringify(text);
    const written = this.#form(text);
    if (written === undefined) {
      return { problem: `${quoted} is in no form of time that is recognised; --time-format can name it` };
    }
    if ('problem' in written) return { problem: `${quoted} ${written.problem}` };
    const candidates = 'instantMs' in written ? [written.instantMs] : this.#clock.instantsOf(written.wallMs);
    const instantMs = this.#choose(candidates);
    if (instantMs === undefined) {
      return { problem: `${quoted} does not exist in ${this.#clock.zone.name}: clocks were put forward over it` };
    }
    const at = formatInstant(instantMs);
    return at.length === INSTANT_LENGTH ? { at } : { problem: `${quoted} is not within the years 0000 to 9999` };
  }

  #choose(candidates: readonly number[]): number | undefined {
    const earlier = candidates[0];
    const later = candidates.at(-1);
    if (earlier === undefined || later === undefined) return undefined;
    const lastMs = this.#lastMs;
    if (earlier === later) {
      if (lastMs !== undefined) this.#trend += Math.sign(earlier - lastMs);
      this.#lastMs = earlier;
    } else if (this.#trend < 0) {
      this.#lastMs = lastMs === undefined || later < lastMs ? later : earlier;
    } else {
      this.#lastMs = lastMs === undefined || earlier > lastMs ? earlier : later;
    }
    return this.#lastMs;
  }
}
