/** How many readings an embedded store holds of each day, from counts that are written together with the documents. */
import type { AskedDays, DayIndex } from './contract.js';
import type { ReadingsByDay } from './day-counts.js';
import { daysBetween, startOfDay } from './days.js';
import type { EmbeddedReceipts } from './embedded-receipts.js';

export class EmbeddedDays implements DayIndex {
  readonly #receipts: Pick<EmbeddedReceipts, 'askIndex'>;

  constructor(receipts: Pick<EmbeddedReceipts, 'askIndex'>) {
    this.#receipts = receipts;
  }

  readings({ from, to, village }: AskedDays): Promise<ReadingsByDay> {
    return this.#receipts.askIndex((places) => {
      if (village === undefined) return places.readingsByDay({ from, to });
      return places.readingsOfVillage(village, daysBetween(startOfDay(from) ?? 0, startOfDay(to) ?? 0));
    });
  }
}
