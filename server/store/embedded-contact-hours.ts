/** The hours of villages' contacts in an embedded store: `_local` documents beside the villages, so that lists leave them out. */
import type { MendingDatabase } from '../../shared/mending-database.js';
import type { KeptHours } from '../gateway/contact-hours.js';
import type { ContactHoursStore } from './contract.js';
import { EmbeddedLocalDocuments } from './embedded-local-documents.js';
import { untilFirst } from './village-documents.js';

const NAME = 'contacts';

export class EmbeddedContactHours implements ContactHoursStore {
  readonly #documents: EmbeddedLocalDocuments;

  /** Beside the documents of the villages. */
  constructor(villages: MendingDatabase) {
    this.#documents = new EmbeddedLocalDocuments(villages);
  }

  async get(village: string): Promise<KeptHours | undefined> {
    const found = await this.#documents.get(village, NAME);
    return found && (found.body as unknown as KeptHours);
  }

  update(village: string, change: (kept: KeptHours | undefined) => KeptHours): Promise<void> {
    return untilFirst(async () => {
      const found = await this.#documents.get(village, NAME);
      const changed = change(found && (found.body as unknown as KeptHours));
      await this.#documents.put(village, NAME, { ...changed }, found?.rev);
    });
  }
}
