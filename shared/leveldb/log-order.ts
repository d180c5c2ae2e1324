/**
 * Whether the logs of a database follow one another. There are two while what is in the older one is written to a table
 * (`db/db_impl.cc`); LevelDB begins the newer one when the older one is complete, and numbers writes without gaps. So the
 * end of the newest log alone may be torn: LevelDB itself would read on behind what is missing, and not say so.
 */
import { sequencesOf } from './entries.js';
import type { LogRecords } from './log-file.js';

export class LogOrder {
  /** Number of the next write; undefined before the first log, NaN behind one of which nothing is whole. */
  #next: number | undefined;

  /** Takes the next log; false when something is missing at the end of the one before it. */
  take({ records }: LogRecords): boolean {
    const [oldest, newest] = [records[0], records.at(-1)];
    const isNext = !oldest || this.#next === undefined || sequencesOf(oldest).first === this.#next;
    if (newest) this.#next = sequencesOf(newest).next;
    else this.#next ??= Number.NaN;
    return isNext;
  }
}
