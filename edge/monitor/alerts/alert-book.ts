/**
 * The alerts that are open and those that were, as they are kept across restarts: an alert that is open is written down
 * once, and moves to the history when it has gone. With them what was told of lost documents, which outlives its alert.
 *
 * Written when something was raised or cleared, and once a day while a loss is told, at most once a minute, and at the end;
 * a crash loses that minute at most.
 */
import { messageOf } from '../../../shared/app-error.js';
import type { Logger } from '../../../shared/logger.js';
import { formatInstant } from '../../../shared/time.js';
import type { ToldLoss } from '../../../shared/told-loss.js';
import type { Alert, ClearedAlert } from './alert.js';

/** What is kept; nothing before the first alert. */
export interface KeptAlerts {
  open?: readonly Alert[];
  /** Newest first. */
  history?: readonly ClearedAlert[];
  /** Absent where nothing is lost. */
  loss?: ToldLoss;
}

export interface AlertBookOptions {
  state: { readonly alerts: KeptAlerts; writeAlerts(kept: KeptAlerts): Promise<void> };
  /** Milliseconds since 1970, and milliseconds that only ever grow. */
  clock: { now(): number; monotonic(): number };
  log: Logger;
}

const MAX_HISTORY = 100;
const WRITE_EVERY_MS = 60_000;

export class AlertBook {
  readonly #options: AlertBookOptions;
  #open: readonly Alert[];
  #history: readonly ClearedAlert[];
  #loss: ToldLoss | undefined;
  #isWritten = true;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(options: AlertBookOptions) {
    this.#options = options;
    const { open = [], history = [], loss } = options.state.alerts;
    this.#open = open;
    this.#history = history;
    this.#loss = loss;
  }

  /** Those that were open when last looked. */
  get open(): readonly Alert[] {
    return this.#open;
  }

  /** The last hundred that have gone, newest first. */
  get history(): readonly ClearedAlert[] {
    return this.#history;
  }

  get loss(): ToldLoss | undefined {
    return this.#loss;
  }

  /** Takes the alerts of this moment, and what was told of lost documents; to be called every few seconds. Never rejects. */
  async note(alerts: readonly Alert[], loss?: ToldLoss): Promise<void> {
    const { clock, log } = this.#options;
    const before = new Map(this.#open.map((alert) => [keyOf(alert), alert]));
    const now = new Map(alerts.map((alert) => [keyOf(alert), alert]));
    const raised = alerts.filter((alert) => !before.has(keyOf(alert)));
    const clearedAt = formatInstant(clock.now());
    const cleared = [...before].flatMap(([key, alert]) => (now.has(key) ? [] : [{ ...alert, clearedAt }]));
    for (const { code, message } of raised) log.warn(`alert: ${message}`, { code });
    for (const { code, message } of cleared) log.info(`no alert any more: ${message}`, { code });
    this.#open = alerts;
    if (cleared.length > 0) this.#history = [...cleared.reverse(), ...this.#history].slice(0, MAX_HISTORY);
    if (raised.length > 0 || cleared.length > 0 || loss !== this.#loss) this.#isWritten = false;
    this.#loss = loss;
    if (!this.#isWritten && clock.monotonic() - this.#writtenMs >= WRITE_EVERY_MS) await this.write();
  }

  /** Writes what is not written yet. Never rejects. */
  async write(): Promise<void> {
    const { state, clock, log } = this.#options;
    if (this.#isWritten) return;
    this.#isWritten = true;
    this.#writtenMs = clock.monotonic();
    const kept = { open: this.#open, history: this.#history, ...(this.#loss ? { loss: this.#loss } : {}) };
    await state.writeAlerts(kept).catch((error: unknown) => {
      this.#isWritten = false;
      log.verbose('the alerts could not be written down yet', { error: messageOf(error) });
    });
  }
}

/** Of one code there is one alert at a time, but for what has a subject of its own. */
function keyOf({ code, subject = '' }: Alert): string {
  return `${code} ${subject}`;
}
