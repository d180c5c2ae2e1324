/** What CouchDB counts as the hour goes by, once a second; nothing while it does not answer, or where there is none. */
import { sleep } from '../../shared/time.js';
import { documentCount } from './couch-facts.js';
import type { FleetCentre } from './fleet-centre.js';
import type { TimelinePoint } from './request-log.js';

const LOOK_MS = 1_000;

export class HeldSeries {
  readonly #centre: FleetCentre;
  readonly #points: TimelinePoint[] = [];
  readonly #ended = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  constructor(centre: FleetCentre) {
    this.#centre = centre;
  }

  /** Resolves when it has begun; what the database counts then is not of the hour. */
  async start(): Promise<void> {
    const { couchdb, database } = this.#centre;
    const before = couchdb ? ((await documentCount(couchdb, database)) ?? 0) : 0;
    this.#looking = this.#look(performance.now(), before);
  }

  async stop(): Promise<TimelinePoint[]> {
    this.#ended.abort();
    await this.#looking;
    return this.#points;
  }

  async #look(startMs: number, before: number): Promise<void> {
    const { couchdb, database } = this.#centre;
    if (!couchdb) return;
    while (!this.#ended.signal.aborted) {
      const documents = await documentCount(couchdb, database);
      const second = (performance.now() - startMs) / 1000;
      if (documents !== undefined) this.#points.push([Math.round(second * 10) / 10, documents - before]);
      await sleep(LOOK_MS, this.#ended.signal);
    }
  }
}
