/**
 * `GET /v1/events`: what changes at the node, as server-sent events, for as long as somebody listens.
 *
 *   status     as `/v1/status` answers: at the start, and when something in it has changed, at most once a second
 *   alerts     `{items}`: at the start, and when one is raised or cleared
 *   progress   `{state, sent, quarantined, pending}` while a push is under way: documents since it began
 *   devices    `{items}`: newest readings, at the start of up to 1,000 devices, then of those heard of since
 *   registry   `{}`: a document of the registry changed
 *   alive      `{}`: every 15 s, so that the connection is kept, and its end noticed on the other side
 *
 * Compressed with gzip where the listener takes that, each event by itself. All share one look a second, and none is
 * taken while nobody listens; one who does not read is let go.
 */
import type { RequestHandler } from 'express';
import { AppError } from '../../../shared/app-error.js';
import type { Logger } from '../../../shared/logger.js';
import type { ShownAlert, ShownProgress, ShownReading, ShownStatus } from '../../dashboard/node-answers.js';
import type { LatestReadings } from '../../monitor/latest-readings.js';
import type { NodeParts } from '../../node-parts.js';
import { statusOf } from '../status.js';
import { EventListener } from './event-listener.js';

export interface EventsOptions {
  maxListeners?: number;
  lookEveryMs?: number;
  heartbeatMs?: number;
}

/** What each event carries; the page reads the same types. */
interface Events {
  status: ShownStatus;
  alerts: { items: ShownAlert[] };
  progress: ShownProgress;
  devices: { items: ShownReading[] };
  registry: object;
  alive: object;
}

/** States of the push in which a run is under way. */
const RUNNING: ReadonlySet<string> = new Set(['connecting', 'draining']);
const MAX_LISTENERS = 20;
const LOOK_EVERY_MS = 1_000;
const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = 3_000;
/** What may wait for one listener; more, and it is let go. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** What is listened to. */
export interface EventSources {
  status(): Promise<ShownStatus>;
  latest: Pick<LatestReadings, 'changes' | 'changedSince' | 'list'>;
  /** Calls back after every change; returns how to end that. */
  onRegistryChanged(listener: () => void): () => void;
  /** The state of the push, documents it has accounted for since the start, and what is pending. */
  push(): ShownProgress | undefined;
  stopping: AbortSignal;
  log: Logger;
}

export function getEvents(parts: NodeParts): RequestHandler {
  const { sync, ledger, registry, latest, stopping, log } = parts;
  return eventsHandler({
    ...{ latest, stopping, log },
    status: () => statusOf(parts),
    onRegistryChanged: (listener) => registry.onChanged(listener),
    push() {
      if (!sync) return undefined;
      const { sent, quarantined } = sync.pusher.totals;
      return { state: sync.controller.state.name, sent, quarantined, pending: ledger.pending };
    },
  });
}

export function eventsHandler(sources: EventSources, options: EventsOptions = {}): RequestHandler {
  const feed = new EventFeed(sources, options);
  return (request, response) => feed.add(new EventListener(request, response));
}

class EventFeed {
  readonly #sources: EventSources;
  readonly #options: EventsOptions;
  readonly #listeners = new Set<EventListener>();
  #looking: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;
  #isLooking = false;
  #unsubscribe: () => void = () => undefined;
  #status = '';
  #alerts = '';
  #progress = '';
  #changes = 0;
  #hasRegistryChanged = false;
  /** Totals when the push under way was first seen. */
  #before: ShownProgress | undefined;

  constructor(sources: EventSources, options: EventsOptions) {
    this.#sources = sources;
    this.#options = options;
    sources.stopping.addEventListener('abort', () => this.#endAll());
  }

  async add(listener: EventListener): Promise<void> {
    const { stopping } = this.#sources;
    if (stopping.aborted) throw new AppError('busy', 'the node is stopping', { retryAfterS: 5 });
    const { maxListeners = MAX_LISTENERS } = this.#options;
    if (this.#listeners.size >= maxListeners) {
      throw new AppError('busy', `${maxListeners} listen to the events already`, { retryAfterS: 30 });
    }
    this.#listeners.add(listener);
    listener.onClosed(() => this.#remove(listener));
    try {
      const [status, items] = await Promise.all([this.#sources.status(), this.#sources.latest.list()]);
      // Gone while it was read.
      if (!this.#listeners.has(listener)) return;
      listener.begin();
      listener.write(`retry: ${RECONNECT_MS}\n\n`);
      this.#status = this.#tellFirst(listener, this.#status, written('status', status));
      this.#alerts = this.#tellFirst(listener, this.#alerts, written('alerts', { items: status.alerts }));
      listener.write(written('devices', { items }));
    } catch (error) {
      this.#remove(listener);
      throw error;
    }
    if (stopping.aborted) listener.end();
    else this.#begin();
  }

  /**
   * What counts as told then: nothing where others were told something else, for that may be newer than what was read for
   * this one, and the next look tells all of them.
   */
  #tellFirst(listener: EventListener, told: string, text: string): string {
    listener.write(text);
    return this.#listeners.size > 1 && text !== told ? '' : text;
  }

  #begin(): void {
    if (this.#looking || this.#listeners.size === 0) return;
    const { lookEveryMs = LOOK_EVERY_MS, heartbeatMs = HEARTBEAT_MS } = this.#options;
    this.#changes = this.#sources.latest.changes;
    this.#unsubscribe = this.#sources.onRegistryChanged(() => {
      this.#hasRegistryChanged = true;
    });
    this.#looking = setInterval(() => void this.#look(), lookEveryMs);
    this.#beating = setInterval(() => this.#write(written('alive', {})), heartbeatMs);
  }

  #remove(listener: EventListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#looking);
    clearInterval(this.#beating);
    this.#looking = undefined;
    this.#unsubscribe();
    this.#before = undefined;
    this.#progress = '';
  }

  #endAll(): void {
    for (const listener of [...this.#listeners]) {
      listener.end();
      this.#remove(listener);
    }
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const status = await this.#sources.status();
      this.#status = this.#tellChanged(this.#status, 'status', status);
      this.#alerts = this.#tellChanged(this.#alerts, 'alerts', { items: status.alerts });
      this.#tellProgress();
      this.#tellDevices();
      if (this.#hasRegistryChanged) this.#write(written('registry', {}));
      this.#hasRegistryChanged = false;
    } catch (error) {
      // Not theirs to know, and perhaps over with the next look.
      this.#sources.log.verbose('the events could not be looked at', { error: String(error) });
    } finally {
      this.#isLooking = false;
    }
  }

  #tellProgress(): void {
    const push = this.#sources.push();
    if (!push || !RUNNING.has(push.state)) {
      this.#before = undefined;
      return;
    }
    this.#before ??= push;
    this.#progress = this.#tellChanged(this.#progress, 'progress', {
      ...push,
      ...{ sent: push.sent - this.#before.sent, quarantined: push.quarantined - this.#before.quarantined },
    });
  }

  #tellDevices(): void {
    const { latest } = this.#sources;
    const items = latest.changedSince(this.#changes);
    this.#changes = latest.changes;
    if (items.length > 0) this.#write(written('devices', { items }));
  }

  #tellChanged<Name extends keyof Events>(before: string, name: Name, data: Events[Name]): string {
    const text = written(name, data);
    if (text !== before) this.#write(text);
    return text;
  }

  #write(text: string): void {
    for (const listener of this.#listeners) {
      if (listener.waitingBytes > MAX_WAITING_BYTES) listener.destroy();
      // One that has not had its first events yet gets everything with them.
      else if (listener.hasBegun) listener.write(text);
    }
  }
}

function written<Name extends keyof Events>(name: Name, data: Events[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
