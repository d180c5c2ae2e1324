/**
 * The page's contact with its node: hears its events, notices when they stop, and listens anew.
 *
 * The node says every 15 s that it is there. A phone that loses its WiFi is told of no failure: without a word for longer
 * the connection counts as dead.
 */
import { askJson } from '../../shared/dashboard/requests.js';
import type { ShownStatus } from './node-answers.js';

/** Two signs of life missed. */
const QUIET_MS = 40_000;
/** Where the browser has given up for good. */
const AGAIN_MS = 5_000;

export interface ContactWatcher {
  /** The node answers, again perhaps: what was asked before may be old. */
  opened(): void;
  heard(): void;
  lost(): void;
  /** The node answers, and does not take one more who listens. */
  crowded(status: ShownStatus): void;
}

export class NodeContact {
  readonly #watcher: ContactWatcher;
  readonly #takers = new Map<string, (data: string) => void>([['alive', () => undefined]]);
  #events: EventSource | undefined;
  #heardMs = 0;
  #isHeard = false;

  constructor(watcher: ContactWatcher) {
    this.#watcher = watcher;
  }

  /** False while the node is away: what it said last is no news then. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** What to do with an event; to be told before `listen`. */
  on<Data>(name: string, take: (data: Data) => void): void {
    this.#takers.set(name, (data) => take(JSON.parse(data) as Data));
  }

  listen(): void {
    this.#events?.close();
    const events = new EventSource('/v1/events');
    this.#events = events;
    events.addEventListener('open', () => this.#watcher.opened());
    events.addEventListener('error', () => {
      if (events.readyState !== EventSource.CLOSED) return this.#lose();
      void this.#askWhy();
      setTimeout(() => this.listen(), AGAIN_MS);
    });
    for (const [name, take] of this.#takers) {
      events.addEventListener(name, ({ data }: MessageEvent<string>) => {
        this.#heardMs = performance.now();
        this.#isHeard = true;
        this.#watcher.heard();
        take(data);
      });
    }
  }

  /** To be called every now and then. */
  look(): void {
    if (!this.#isHeard || performance.now() - this.#heardMs < QUIET_MS) return;
    this.#lose();
    this.listen();
  }

  /** The answer was no events: too many listen, or the login is over; asking tells, and shows the login then. */
  async #askWhy(): Promise<void> {
    try {
      const status = await askJson<ShownStatus>('/v1/status');
      this.#isHeard = false;
      this.#watcher.crowded(status);
    } catch {
      this.#lose();
    }
  }

  #lose(): void {
    this.#isHeard = false;
    this.#watcher.lost();
  }
}
