/** Alerts of a village that were and are no more; asked for when somebody wants to see them. */
import { byId, element } from '../../../../shared/dashboard/elements.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { EarlierAlert } from '../fleet-answers.js';
import type { FleetPage } from '../fleet-page.js';

const SHOWN = 50;

export class AlertHistory {
  readonly #page: FleetPage;
  readonly #details = byId('alerts-earlier', HTMLDetailsElement);
  #village = '';

  constructor(page: FleetPage) {
    this.#page = page;
    this.#details.addEventListener('toggle', () => {
      if (this.#details.open) void this.#read();
    });
  }

  open(village: string): void {
    this.#village = village;
    this.#details.open = false;
    byId('alerts-history', HTMLElement).replaceChildren();
  }

  async #read(): Promise<void> {
    const { words } = this.#page;
    const village = this.#village;
    const list = byId('alerts-history', HTMLElement);
    try {
      const query = new URLSearchParams({ village, limit: String(SHOWN) });
      const { items } = await askJson<{ items: EarlierAlert[] }>(`/v1/alerts/history?${query}`);
      if (village !== this.#village) return;
      const texts = items.map((one) => this.#textOf(one));
      const shown = texts.length > 0 ? texts : [words.say('alerts.noneEarlier')];
      list.replaceChildren(...shown.map((text) => element('li', {}, text)));
    } catch (error) {
      list.replaceChildren(element('li', { class: 'bad' }, failureOf(this.#page, error)));
    }
  }

  #textOf({ code, raisedAt, clearedAt }: EarlierAlert): string {
    const { words } = this.#page;
    const title = words.find(`alert.${code}`) ?? words.say('alert.other');
    const from = this.#page.time(raisedAt, words.say('page.unknown'));
    const span = words.say('alerts.span', { from, to: this.#page.time(clearedAt, words.say('page.unknown')) });
    return `${title} ${span}`;
  }
}
