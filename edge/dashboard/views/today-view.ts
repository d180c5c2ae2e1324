/** Today's power, energy and battery of a device, drawn from its own readings; a totalizer's first where there is one. */
import { type Bar, barChart, type ChartFrame, lineChart } from '../../../shared/dashboard/chart.js';
import { BATTERY, mostToDrawFirst } from '../../../shared/dashboard/devices-to-draw.js';
import { byId, element, setText } from '../../../shared/dashboard/elements.js';
import { lineOf, type Point } from '../../../shared/dashboard/line.js';
import { failureOf } from '../../../shared/dashboard/page.js';
import { askJson } from '../../../shared/dashboard/requests.js';
import { energyOfPeriods, energyOfRegister, type HourEnergy } from '../day-series.js';
import { type EdgePage, latestMs } from '../edge-page.js';
import type { ShownReading } from '../node-answers.js';
import type { DevicesView } from './devices-view.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TICK_EVERY_MS = 6 * HOUR_MS;
/** What was stored between two events is read from the node, no more often than this. */
const READ_EVERY_MS = 5_000;
/** Of a thousand readings: one every nine seconds, all day. */
const MAX_PAGES = 10;

interface Reading {
  at: string;
  [name: string]: unknown;
}

export class TodayView {
  readonly #page: EdgePage;
  readonly #devices: DevicesView;
  readonly #select = byId('today-device', HTMLSelectElement);
  /** Today's readings of the devices that were drawn. */
  readonly #days = new Map<string, Promise<Reading[]>>();
  /** Of each: when the node was asked last, how many readings came with events since, and whether it is to be asked again. */
  readonly #asked = new Map<string, { atMs: number; told: number; isDue: boolean }>();
  /** Devices that have told of a battery since the page was opened. */
  readonly #withBattery = new Set<string>();
  #dayMs = 0;
  #shows = 0;
  #isChosen = false;

  constructor(page: EdgePage, devices: DevicesView) {
    this.#page = page;
    this.#devices = devices;
    this.#select.addEventListener('change', () => {
      this.#isChosen = true;
      void this.show();
    });
  }

  /** Devices that are new are added to the choice, what is new of those that are drawn to their charts. */
  async take(items: readonly ShownReading[]): Promise<void> {
    for (const { device, values } of items) if (typeof values[BATTERY] === 'number') this.#withBattery.add(device);
    let isDrawn = this.#offer();
    for (const { device, at, values } of items) {
      // That reading them failed is told by who asked for them.
      const readings = await this.#days.get(device)?.catch(() => undefined);
      const asked = this.#asked.get(device);
      if (!asked || !readings || at <= (readings.at(-1)?.at ?? '')) continue;
      // One that lies ahead would keep those of now from being drawn until then.
      if (Date.parse(at) <= latestMs(this.#page)) {
        isDrawn = true;
        asked.told++;
        readings.push({ at, ...values });
      }
      // An event tells the newest alone: others may have come with it, and are read in a moment.
      if (asked.isDue) continue;
      asked.isDue = true;
      const waitMs = Math.max(0, asked.atMs + READ_EVERY_MS - performance.now());
      setTimeout(() => void this.#readRest(device, readings), waitMs);
    }
    if (isDrawn) await this.show();
  }

  /** What devices are for is known by now. */
  async registered(): Promise<void> {
    if (this.#offer({ isAnew: true })) await this.show();
  }

  /** The node was away: what it stored meanwhile is read when it is drawn next. */
  async readAnew(): Promise<void> {
    this.#days.clear();
    await this.show();
  }

  /** Reads what is not there yet of today, and draws it. Reading that fails is told, and tried again by the next call. */
  async show(): Promise<void> {
    const device = this.#select.value;
    if (device === '') return;
    const show = ++this.#shows;
    const fromMs = new Date(this.#page.now()).setHours(0, 0, 0, 0);
    if (fromMs !== this.#dayMs) this.#days.clear();
    this.#dayMs = fromMs;
    const { words } = this.#page;
    if (!this.#days.has(device)) setText('today-total', words.say('today.loading'));
    try {
      const battery = this.#batteryFor(device);
      const [readings, batteryReadings] = await Promise.all([this.#day(device), this.#day(battery)]);
      if (show !== this.#shows) return;
      const frame = { fromMs, nowMs: Math.min(this.#page.now(), fromMs + DAY_MS) };
      this.#draw({ ...frame, device, readings }, { ...frame, device: battery, readings: batteryReadings });
    } catch (error) {
      setText('today-total', failureOf(this.#page, error));
    }
  }

  #day(device: string): Promise<Reading[]> {
    const reading = this.#days.get(device) ?? this.#readOn(device, [], 0);
    this.#days.set(device, reading);
    reading.catch(() => this.#days.delete(device));
    return reading;
  }

  /** Those that were read before, without the `told` last ones, and what the node has after them. */
  async #readOn(device: string, readings: readonly Reading[], told: number): Promise<Reading[]> {
    const known = readings.slice(0, readings.length - told);
    const last = known.at(-1);
    const fromMs = last === undefined ? this.#dayMs : Date.parse(last.at) + 1;
    this.#asked.set(device, { atMs: performance.now(), told: 0, isDue: false });
    const toMs = Math.min(this.#dayMs + DAY_MS, latestMs(this.#page));
    return [...known, ...(await readBetween(device, fromMs, toMs))];
  }

  /** Unless everything was read anew meanwhile. */
  async #readRest(device: string, readings: readonly Reading[]): Promise<void> {
    const present = await this.#days.get(device)?.catch(() => undefined);
    if (present !== readings) return;
    const rest = this.#readOn(device, readings, this.#asked.get(device)?.told ?? 0);
    this.#days.set(device, rest);
    // What fails is read whole by whoever draws it next.
    rest.catch(() => this.#days.delete(device));
    await this.show();
  }

  /** The device itself where it has one, else the first that has. */
  #batteryFor(device: string): string {
    if (this.#withBattery.has(device)) return device;
    const [first] = this.#withBattery;
    if (first !== undefined) return first;
    // The newest reading of a device need not hold all it measures.
    const roles = ['battery', 'inverter'];
    const { readings, registered } = this.#devices;
    const named = roles.flatMap((role) =>
      [...readings.keys()].filter((one) => one === role || registered.get(one)?.role === role),
    );
    return named[0] ?? device;
  }

  /** True where another device is shown from now on. */
  #offer({ isAnew = false } = {}): boolean {
    // The first that is offered is chosen by the browser itself.
    const before = this.#select.value;
    const known = new Set([...this.#select.options].map(({ value }) => value));
    const names = [...this.#devices.readings.keys()].filter((name) => !known.has(name)).sort();
    this.#select.append(...names.map((name) => element('option', { value: name }, name)));
    // Not by every reading: one that holds less than those before would change what is looked at.
    if (this.#isChosen || (names.length === 0 && !isAnew)) return false;
    const { readings, registered } = this.#devices;
    const [best = before] = mostToDrawFirst(readings.keys(), {
      role: (device) => registered.get(device)?.role,
      measures: (device, name) => typeof readings.get(device)?.values[name] === 'number',
    });
    this.#select.value = best;
    return this.#select.value !== before;
  }

  #draw(day: Day, batteryDay: Day): void {
    const power = pointsOf(day, 'powerW').concat(pointsOf(day, 'powerKw', 1000));
    const charts = [
      ...this.#line('today.power', power, 'W', day),
      ...this.#energy(day),
      ...this.#line('today.battery', pointsOf(batteryDay, BATTERY), '%', batteryDay),
    ];
    const isEmpty = charts.length === 0;
    const note = element('p', { class: 'quiet' }, this.#page.words.say(isEmpty ? 'today.none' : 'chart.gap'));
    byId('today-charts', HTMLElement).replaceChildren(...charts, note);
  }

  #line(name: 'today.power' | 'today.battery', points: Point[], unit: string, frame: Day): HTMLElement[] {
    const last = points.at(-1);
    if (!last) return [];
    const { words } = this.#page;
    const line = lineOf(points, frame.fromMs, frame.nowMs);
    const values = points.map(({ value }) => value);
    const said = (value: number) => `${this.#page.formats.number(value)} ${unit}`;
    const label = words.say('chart.line', {
      ...{ name: words.say(name), device: frame.device, gaps: String(line.gaps.length) },
      ...{ low: said(Math.min(...values)), high: said(Math.max(...values)), last: said(last.value) },
    });
    const title = element('h3', {}, `${words.say(name)} (${frame.device})`);
    return [title, figure(lineChart(line, this.#frameOf(frame, label, unit)))];
  }

  #energy(frame: Day): HTMLElement[] {
    const register = pointsOf(frame, 'energyKwh');
    const periods = pointsOf(frame, 'periodKwh');
    const hours: HourEnergy[] =
      register.length > 0
        ? energyOfRegister(register, frame.fromMs, frame.nowMs)
        : energyOfPeriods(periods, frame.fromMs, frame.nowMs);
    setText('today-total', '');
    if (register.length + periods.length === 0) return [];
    const { words, formats } = this.#page;
    const missing = hours.filter(({ kwh }) => kwh === undefined).length;
    const energy = `${formats.number(hours.reduce((sum, { kwh = 0 }) => sum + kwh, 0))} kWh`;
    setText('today-total', words.say(missing > 0 ? 'today.partial' : 'today.total', { energy }));
    const name = words.say('today.energy');
    const label = words.say('chart.bars', { name, device: frame.device, gaps: String(missing) });
    const title = element('h3', {}, `${name} (${frame.device})`);
    return [title, figure(barChart(barsOf(hours, frame), this.#frameOf(frame, label, 'kWh')))];
  }

  #frameOf({ fromMs, nowMs }: Day, label: string, unit: string): ChartFrame {
    const { formats } = this.#page;
    const format = (value: number) => `${formats.number(value)} ${unit}`;
    const ticksMs: number[] = [];
    for (let ms = fromMs; ms <= nowMs; ms += TICK_EVERY_MS) ticksMs.push(ms);
    return { fromMs, toMs: nowMs, ticksMs, label, format, formatTime: (ms) => formats.time(ms, ms) };
  }
}

/** What is drawn of a device. */
interface Day {
  device: string;
  fromMs: number;
  nowMs: number;
  readings: readonly Reading[];
}

function pointsOf({ readings }: Day, name: string, factor = 1): Point[] {
  const points: Point[] = [];
  for (const reading of readings) {
    const value = reading[name];
    if (typeof value === 'number') points.push({ atMs: Date.parse(reading.at), value: value * factor });
  }
  return points;
}

function barsOf(hours: readonly HourEnergy[], { nowMs }: Day): Bar[] {
  return hours.map(({ fromMs, kwh }) => ({
    ...{ fromMs, toMs: Math.min(fromMs + HOUR_MS, nowMs) },
    parts: kwh === undefined ? undefined : [{ value: kwh, className: 'bar' }],
  }));
}

function figure(chart: SVGElement): HTMLElement {
  const made = element('div');
  made.append(chart);
  return made;
}

async function readBetween(device: string, fromMs: number, toMs: number): Promise<Reading[]> {
  const readings: Reading[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ device, from: new Date(fromMs).toISOString(), limit: '1000' });
    query.set('to', new Date(toMs).toISOString());
    if (cursor !== undefined) query.set('cursor', cursor);
    const { items, next } = await askJson<{ items: Reading[]; next?: string }>(`/v1/readings?${query}`);
    readings.push(...items);
    if (next === undefined) break;
    cursor = next;
  }
  return readings;
}
