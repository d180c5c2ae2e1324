/** When the village asked the centre for something, by the hour: what succeeded, and what failed. */
import { type Bar, barChart } from '../../../../shared/dashboard/chart.js';
import { byId, setText } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { ShownContacts } from '../fleet-answers.js';
import { type FleetPage, villagePath } from '../fleet-page.js';
import { isShort, type Period, ticksOf } from '../period.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Bars of an hour up to so long, of a day beyond. */
const HOURLY_MS = 8 * DAY_MS;

interface Counts {
  succeeded: number;
  failed: number;
}

export class ContactsView {
  readonly #page: FleetPage;
  #running = new AbortController();

  constructor(page: FleetPage) {
    this.#page = page;
  }

  /** Reads and draws anew; what was still being read is given up. */
  async show(village: string, period: Period | undefined): Promise<void> {
    this.stop();
    if (!period || village === '') return;
    const { signal } = this.#running;
    const parameters = new URLSearchParams({
      from: new Date(period.fromMs).toISOString(),
      to: new Date(period.toMs).toISOString(),
    });
    try {
      const { items } = await askJson<ShownContacts>(`${villagePath(village)}/contacts?${parameters}`, { signal });
      this.#draw(items, period);
    } catch (error) {
      if (signal.aborted) return;
      setText('contacts-text', failureOf(this.#page, error));
      byId('contacts-chart', HTMLElement).replaceChildren();
    }
  }

  /** Gives up what is being read. */
  stop(): void {
    this.#running.abort();
    this.#running = new AbortController();
  }

  #draw(items: ShownContacts['items'], period: Period): void {
    const { words, formats } = this.#page;
    const stepMs = period.toMs - period.fromMs <= HOURLY_MS ? HOUR_MS : DAY_MS;
    const slots = new Map<number, Counts>();
    const total: Counts = { succeeded: 0, failed: 0 };
    for (const { hour, succeeded, failed } of items) {
      const slot = Math.floor(Date.parse(hour) / stepMs) * stepMs;
      const counts = slots.get(slot) ?? { succeeded: 0, failed: 0 };
      slots.set(slot, { succeeded: counts.succeeded + succeeded, failed: counts.failed + failed });
      total.succeeded += succeeded;
      total.failed += failed;
    }
    const bars = [...slots].map(([fromMs, counts]): Bar => {
      const parts = [
        { value: counts.succeeded, className: 'bar' },
        { value: counts.failed, className: 'bar failed' },
      ];
      return { fromMs, toMs: fromMs + stepMs, parts };
    });
    const values = { succeeded: formats.number(total.succeeded), failed: formats.number(total.failed) };
    const label = words.say('contacts.summary', values);
    setText('contacts-text', label);
    const whole = { fromMs: Math.min(period.fromMs, ...slots.keys()), toMs: period.toMs };
    const width = Math.max(300, byId('contacts-chart', HTMLElement).clientWidth);
    const drawn = barChart(bars, {
      ...{
        ...whole,
        ticksMs: ticksOf(period, width),
        label,
        width,
        format: (value) => formats.number(value),
      },
      formatTime: (ms) => (isShort(period) ? formats.time(ms, ms) : formats.localDay(ms)),
    });
    byId('contacts-chart', HTMLElement).replaceChildren(drawn);
  }
}
