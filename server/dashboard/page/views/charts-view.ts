/** Power, energy per day and battery of the chosen device over the chosen period; holes are holes. */
import { type Bar, barChart, type ChartFrame, lineChart } from '../../../../shared/dashboard/chart.js';
import { BATTERY } from '../../../../shared/dashboard/devices-to-draw.js';
import { byId, element, setText } from '../../../../shared/dashboard/elements.js';
import { lineOf, type Point, thinned } from '../../../../shared/dashboard/line.js';
import { failureOf } from '../../../../shared/dashboard/page.js';
import { askJson } from '../../../../shared/dashboard/requests.js';
import type { ShownEnergy } from '../fleet-answers.js';
import { type FleetPage, villagePath } from '../fleet-page.js';
import { isShort, type Period, ticksOf } from '../period.js';
import { MAX_READINGS, readSeries } from '../readings.js';
import type { Choice } from './period-view.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A hole is what is missing for three times the usual interval, or for a day. */
const LONGEST_STEP_MS = DAY_MS;
/** Energy by the hour up to so long, by the day beyond. */
const HOURLY_MS = 3 * DAY_MS;
/** A chart is as wide as its place, so that its letters are as large as others. */
const NARROWEST = 300;

export class ChartsView {
  readonly #page: FleetPage;
  #running = new AbortController();

  constructor(page: FleetPage) {
    this.#page = page;
  }

  /** Reads and draws anew; what was still being read is given up. */
  async show(choice: Choice | undefined): Promise<void> {
    this.#running.abort();
    this.#running = new AbortController();
    const { signal } = this.#running;
    const { words } = this.#page;
    if (!choice) {
      byId('charts', HTMLElement).replaceChildren();
      setText('charts-note', words.say('charts.noDevice'));
      return;
    }
    setText('charts-note', words.say('charts.loading'));
    try {
      const { batteryDevice, device } = choice;
      const ofDevice = readSeries({ ...choice, fields: ['powerW', 'powerKw', BATTERY] }, signal);
      const [series, battery, energy] = await Promise.all([
        ofDevice,
        batteryDevice === device
          ? ofDevice
          : readSeries({ ...choice, device: batteryDevice, fields: [BATTERY] }, signal),
        readEnergy(choice, signal),
      ]);
      const powerKw = (series.points.get('powerKw') ?? []).map(({ atMs, value }) => ({ atMs, value: value * 1000 }));
      const power = (series.points.get('powerW') ?? []).concat(powerKw);
      const charts = [
        ...this.#line('chart.power', power, 'W', choice, device),
        ...this.#energy(energy, choice),
        ...this.#line('chart.battery', battery.points.get(BATTERY) ?? [], '%', choice, batteryDevice),
      ];
      byId('charts', HTMLElement).replaceChildren(...charts);
      const count = this.#page.formats.number(MAX_READINGS);
      const isCut = series.isCut || battery.isCut;
      const note = charts.length === 0 ? words.say('charts.none') : words.say('charts.legend');
      setText('charts-note', isCut ? words.say('charts.cut', { count }) : note);
    } catch (error) {
      if (!signal.aborted) setText('charts-note', failureOf(this.#page, error));
    }
  }

  /** Gives up what is being read. */
  stop(): void {
    this.#running.abort();
  }

  #line(
    name: 'chart.power' | 'chart.battery',
    points: readonly Point[],
    unit: string,
    period: Period,
    device: string,
  ): HTMLElement[] {
    const last = points.at(-1);
    if (!last) return [];
    const { words, formats } = this.#page;
    const { fromMs, toMs } = period;
    const line = lineOf(points, fromMs, toMs, LONGEST_STEP_MS);
    const said = (value: number) => `${formats.number(value)} ${unit}`;
    const extremes = points.reduce(
      ({ low, high }, { value }) => ({ low: Math.min(low, value), high: Math.max(high, value) }),
      { low: last.value, high: last.value },
    );
    const label = words.say('chart.line', {
      ...{ name: words.say(name), device, gaps: formats.number(line.gaps.length), last: said(last.value) },
      ...{ low: said(extremes.low), high: said(extremes.high) },
    });
    const title = element('h3', {}, `${words.say(name)} (${device})`);
    const drawn = lineChart(thinned(line, fromMs, toMs, chartWidth()), this.#frameOf(period, label, said));
    return [title, element('div', {}, drawn)];
  }

  #energy(answer: ShownEnergy, period: Period): HTMLElement[] {
    const [energy] = answer.devices;
    if (!energy) return [];
    const { words, formats } = this.#page;
    const said = (value: number) => `${formats.number(value)} kWh`;
    const bars = energy.buckets.map(({ start, hours, kwh, gapKwh = 0 }): Bar => {
      const fromMs = Date.parse(start);
      const toMs = fromMs + hours * HOUR_MS;
      return { fromMs, toMs, parts: kwh === null ? undefined : partsOf(kwh, gapKwh) };
    });
    const isPartial = energy.buckets.some(({ kwh, coveredHours }) => kwh === null || coveredHours !== undefined);
    const total = said(energy.kwh ?? 0);
    const holes = energy.buckets.filter(({ kwh }) => kwh === null).length;
    const name = words.say(isHourly(period) ? 'chart.energy.hour' : 'chart.energy.day');
    const label = words.say('chart.bars', { name, device: energy.device, gaps: formats.number(holes) });
    // Days begin before the period and end behind it.
    const whole = {
      fromMs: Math.min(period.fromMs, bars[0]?.fromMs ?? period.fromMs),
      toMs: Math.max(period.toMs, bars.at(-1)?.toMs ?? period.toMs),
    };
    return [
      element('h3', {}, `${name} (${energy.device})`),
      element('p', {}, words.say(isPartial ? 'charts.total.partial' : 'charts.total', { energy: total })),
      element('div', {}, barChart(bars, this.#frameOf(whole, label, said))),
    ];
  }

  #frameOf(period: Period, label: string, format: (value: number) => string): ChartFrame {
    const { formats } = this.#page;
    const formatTime = (ms: number) => (isShort(period) ? formats.time(ms, ms) : formats.localDay(ms));
    const width = chartWidth();
    return { ...period, ticksMs: ticksOf(period, width), label, format, formatTime, width };
  }
}

/** What a register grew by while there were no readings is known to have flowed, but not when. */
function partsOf(kwh: number, gapKwh: number): { value: number; className: string }[] {
  const spread = Math.min(Math.max(0, gapKwh), Math.max(0, kwh));
  return [
    { value: Math.max(0, kwh) - spread, className: 'bar' },
    { value: spread, className: 'bar spread' },
  ];
}

function chartWidth(): number {
  return Math.max(NARROWEST, Math.round(byId('charts', HTMLElement).clientWidth));
}

function isHourly({ fromMs, toMs }: Period): boolean {
  return toMs - fromMs <= HOURLY_MS;
}

function readEnergy({ village, device, ...period }: Choice, signal: AbortSignal): Promise<ShownEnergy> {
  const parameters = new URLSearchParams({
    ...{ device, step: isHourly(period) ? 'hour' : 'day' },
    ...{ from: new Date(period.fromMs).toISOString(), to: new Date(period.toMs).toISOString() },
    tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  return askJson<ShownEnergy>(`${villagePath(village)}/energy?${parameters}`, { signal });
}
