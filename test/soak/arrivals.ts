/** Follows the centre's feed of arrivals (`GET /v1/changes`) and hands every document on, once. */
import type { TelemetryDocument } from '../../shared/documents.js';
import type { ProgramClient } from '../../shared/http/client.js';

interface ChangesPage {
  items: TelemetryDocument[];
  next: string;
  more: boolean;
}

export class Arrivals {
  readonly #analyst: ProgramClient;
  readonly #onArrival: (document: TelemetryDocument) => void;
  #cursor = '';
  #turn: Promise<void> = Promise.resolve();

  constructor(analyst: ProgramClient, onArrival: (document: TelemetryDocument) => void) {
    this.#analyst = analyst;
    this.#onArrival = onArrival;
  }

  /** Hands on all there is by now. Rejects while the centre cannot be asked; nothing is passed over then. */
  catchUp(): Promise<void> {
    const turn = this.#turn.then(() => this.#catchUp());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #catchUp(): Promise<void> {
    for (let more = true; more; ) {
      const since = this.#cursor === '' ? '' : `&since=${encodeURIComponent(this.#cursor)}`;
      const page = await this.#analyst.json<ChangesPage>(`/v1/changes?limit=1000${since}`);
      for (const document of page.items) this.#onArrival(document);
      this.#cursor = page.next;
      more = page.more;
    }
  }
}
