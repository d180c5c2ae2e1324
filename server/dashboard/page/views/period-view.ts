/** The choice of period and device, and the files to download of them. */
import { BATTERY, mostToDrawFirst } from '../../../../shared/dashboard/devices-to-draw.js';
import { byId, element, setText, show } from '../../../../shared/dashboard/elements.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { ShownDocument } from '../fleet-answers.js';
import { type FleetPage, villagePath } from '../fleet-page.js';
import { dateOf, daysBetween, lastHours, type Period } from '../period.js';
import { allDevices, filePath, recentDevices } from '../readings.js';

export interface Choice extends Period {
  village: string;
  device: string;
  /** The device whose battery is shown: the chosen one, or another where it has none. */
  batteryDevice: string;
}

export class PeriodView {
  readonly #page: FleetPage;
  readonly #onChosen: () => void;
  readonly #length = byId('period-length', HTMLSelectElement);
  readonly #first = byId('period-first', HTMLInputElement);
  readonly #last = byId('period-last', HTMLInputElement);
  readonly #device = byId('period-device', HTMLSelectElement);
  #village = '';
  #fields = new Map<string, Set<string>>();

  constructor(page: FleetPage, onChosen: () => void) {
    this.#page = page;
    this.#onChosen = onChosen;
    this.#length.addEventListener('change', () => this.#chosen());
    for (const input of [this.#first, this.#last]) {
      input.addEventListener('change', () => {
        this.#length.value = 'days';
        this.#chosen();
      });
    }
    this.#device.addEventListener('change', () => this.#chosen());
  }

  /** Offers the devices of a village, that of most to draw first. */
  async open(village: string): Promise<void> {
    this.#village = village;
    this.#device.replaceChildren();
    // Until its devices are known, and where they cannot be, there are its files all the same.
    if (this.period) this.#link(this.period);
    this.#fields = new Map();
    const registry = askJson<{ items: ShownDocument[] }>(`${villagePath(village)}/registry/device`);
    const [fields, { items }, all] = await Promise.all([
      recentDevices(village, this.#page.now()),
      registry,
      allDevices(village),
    ]);
    if (village !== this.#village) return;
    this.#fields = fields;
    const roles = new Map(items.map(({ id, role }) => [id, role]));
    const devices = mostToDrawFirst(new Set([...all, ...fields.keys(), ...roles.keys()]), {
      role: (device) => roles.get(device),
      measures: (device, name) => fields.get(device)?.has(name) ?? false,
    });
    this.#device.replaceChildren(...devices.map((value) => element('option', { value }, value)));
    this.#chosen();
  }

  /** Undefined where the days chosen are none. */
  get period(): Period | undefined {
    if (!this.isMoving) return daysBetween(this.#first.value, this.#last.value);
    return lastHours(Number(this.#length.value), this.#page.now());
  }

  /** Undefined where there is no period, or no device. */
  get choice(): Choice | undefined {
    const device = this.#device.value;
    const { period } = this;
    if (!period || device === '') return undefined;
    const hasBattery = (one: string) => this.#fields.get(one)?.has(BATTERY) ?? false;
    const other = [...this.#fields.keys()].find(hasBattery);
    return {
      ...period,
      village: this.#village,
      device,
      batteryDevice: hasBattery(device) ? device : (other ?? device),
    };
  }

  /** True while the period moves with the clock. */
  get isMoving(): boolean {
    return this.#length.value !== 'days';
  }

  #chosen(): void {
    const { words } = this.#page;
    const { period } = this;
    setText('period-trouble', period ? '' : words.say('period.none'), 'bad');
    if (period) {
      if (this.isMoving) {
        this.#first.value = dateOf(period.fromMs);
        this.#last.value = dateOf(period.toMs);
      }
      this.#link(period);
    }
    this.#onChosen();
  }

  #link(period: Period): void {
    const device = this.#device.value;
    const links = {
      'csv-readings': filePath(this.#village, 'readings', period),
      'csv-device': filePath(this.#village, 'readings', period, device),
      'csv-predictions': filePath(this.#village, 'predictions', period),
    };
    for (const [id, path] of Object.entries(links)) byId(id, HTMLAnchorElement).href = path;
    show('csv-device-item', device !== '');
    setText('csv-device', this.#page.words.say('csv.device', { device }));
  }
}
