/**
 * The newest id of each series of a segment, so that an id behind it is known to be new without a look-up: ids of one
 * series ascend in time, and most data comes in order (ADR 8).
 */
import { parseTelemetryId } from '../../shared/documents.js';

export class NewestIds {
  /** By series prefix; '' for a series that has none. */
  readonly #newest = new Map<string, string>();
  readonly #read: (prefix: string) => Promise<string | undefined>;

  /** `read` finds the newest id with a prefix in the segment; asked once per series. */
  constructor(read: (prefix: string) => Promise<string | undefined>) {
    this.#read = read;
  }

  /** False when the id is surely new. */
  async mayHold(id: string): Promise<boolean> {
    const prefix = parseTelemetryId(id)?.prefix;
    if (prefix === undefined) return true;
    let newest = this.#newest.get(prefix);
    if (newest === undefined) {
      newest = (await this.#read(prefix)) ?? '';
      this.#newest.set(prefix, newest);
    }
    return id <= newest;
  }

  /**
   * Must be told before ids are written: one too high after a failed write costs a look-up, one too low would cost a
   * document.
   */
  willWrite(ids: readonly string[], segmentIsEmpty: boolean): void {
    for (const id of ids) {
      const prefix = parseTelemetryId(id)?.prefix;
      if (prefix === undefined) continue;
      // A series not looked at yet may hold later ones.
      const newest = this.#newest.get(prefix) ?? (segmentIsEmpty ? '' : undefined);
      if (newest !== undefined && id > newest) this.#newest.set(prefix, id);
    }
  }
}
