/** Devices with their last reading and its age. */
import { byId, element, setText, show } from '../../../shared/dashboard/elements.js';
import { type EdgePage, latestMs } from '../edge-page.js';
import { measuredValues } from '../measured-values.js';
import type { ShownDevice, ShownReading } from '../node-answers.js';

/** More rows help nobody on a phone; those heard of for longest stand first. */
const SHOWN = 200;
const SHOWN_VALUES = 4;

export class DevicesView {
  readonly #page: EdgePage;
  readonly #readings = new Map<string, ShownReading>();
  #registered = new Map<string, ShownDevice>();
  #isTold = false;

  constructor(page: EdgePage) {
    this.#page = page;
  }

  get readings(): ReadonlyMap<string, ShownReading> {
    return this.#readings;
  }

  get registered(): ReadonlyMap<string, ShownDevice> {
    return this.#registered;
  }

  take(items: readonly ShownReading[]): void {
    this.#isTold = true;
    for (const item of items) this.#readings.set(item.device, item);
  }

  register(devices: readonly ShownDevice[]): void {
    this.#registered = new Map(devices.map((device) => [device.id, device]));
  }

  show(): void {
    const silentFirst = [...this.#readings.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
    const { words, formats } = this.#page;
    show('devices-box', silentFirst.length > 0);
    show('devices-none', this.#isTold && silentFirst.length === 0);
    byId('devices-rows', HTMLElement).replaceChildren(...silentFirst.slice(0, SHOWN).map((one) => this.#rowOf(one)));
    const more = silentFirst.length - SHOWN;
    setText('devices-more', more > 0 ? words.say('devices.more', { count: formats.number(more) }) : '');
  }

  #rowOf({ device, at, clock, values }: ShownReading): HTMLElement {
    const { words, formats } = this.#page;
    const texts = measuredValues(values, SHOWN_VALUES, (value) => formats.value(value));
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, device, element('br'), element('span', { class: 'quiet' }, this.#nameOf(device))),
      element('td', {}, ...texts.flatMap((text, n) => [n > 0 ? ', ' : '', isolated(text)])),
      element('td', {}, clock === undefined ? this.#ageOf(at) : `${this.#ageOf(at)} (${words.say('devices.unsure')})`),
    );
  }

  #ageOf(at: string): string {
    const { words, formats } = this.#page;
    const [atMs, nowMs] = [Date.parse(at), this.#page.now()];
    if (atMs > latestMs(this.#page)) return words.say('devices.ahead', { time: formats.time(atMs, nowMs) });
    return formats.shortAgo(Math.min(atMs, nowMs), nowMs);
  }

  #nameOf(device: string): string {
    const { model, serial } = this.#registered.get(device) ?? {};
    return [model, serial].filter((part) => typeof part === 'string').join(' ');
  }
}

/** Signs in a value that turn the direction of writing end with it. */
function isolated(text: string): HTMLElement {
  return element('bdi', {}, text);
}
