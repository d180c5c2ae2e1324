/**
 * What the devices of a village send: a pure generator, minute by minute, of heartbeats that look like those of a real
 * mini-grid.
 *
 * Every minute: the PV inverter and the battery. Every 15 minutes: each customer's meter and the totalizer, with a
 * cumulative register *and* the period's energy, since a meter cannot know whether its heartbeat arrived. Every hour: a
 * forecast of the load. Invariants: the same seed gives the same documents; a register is exactly the sum of its
 * periods; a device never repeats a time.
 */
import { formatInstant } from '../shared/time.js';
import { SeededRandom } from './random.js';

export const MINUTE_MS = 60_000;
export const METER_PERIOD_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const FORECAST_HOURS = 6;
const BATTERY_WH_PER_METER = 900;
const PV_PEAK_W_PER_METER = 320;

/** A document as a device posts it: `{device, at, …}` or `{model, at, for, …}`. */
export type PostedFields = Record<string, number | string | boolean>;

interface MeterState {
  device: string;
  /** Average power this customer draws in the evening, watts. */
  eveningW: number;
  /** Cumulative register in whole watt-hours, so that sums stay exact. */
  registerWh: number;
  startedAtMs: number;
  isOn: boolean;
}

/** Everything the next minute depends on; treat it as immutable. */
export interface VillageState {
  /** Hours local time is ahead of UTC. */
  utcOffsetH: number;
  randomState: number;
  meters: readonly MeterState[];
  totalRegisterWh: number;
  /** Watts drawn by all customers in the period that ended last. */
  loadW: number;
  /** 0 (overcast) to 1 (clear). */
  clearness: number;
  batteryWh: number;
}

export interface Heartbeat {
  state: VillageState;
  readings: PostedFields[];
  predictions: PostedFields[];
}

export interface VillagePlan {
  /** Number of customer meters, 1 or more. */
  meters: number;
  seed: number;
  startAtMs: number;
  utcOffsetH: number;
}

/** The village before its first minute. */
export function createVillage({ meters, seed, startAtMs, utcOffsetH }: VillagePlan): VillageState {
  const random = new SeededRandom(seed);
  const states = Array.from(
    { length: meters },
    (_, i): MeterState => ({
      device: `meter-${String(i + 1).padStart(4, '0')}`,
      eveningW: Math.round(random.between(15, 60) * (random.chance(0.1) ? 8 : 1)),
      registerWh: random.integer(0, 900_000),
      startedAtMs: startAtMs - random.integer(1, 60 * 24) * HOUR_MS,
      isOn: true,
    }),
  );
  return {
    utcOffsetH,
    randomState: random.state,
    meters: states,
    totalRegisterWh: states.reduce((sum, { registerWh }) => sum + registerWh, 0),
    loadW: 0,
    clearness: 0.8,
    batteryWh: 0.6 * meters * BATTERY_WH_PER_METER,
  };
}

/**
 * What the village sends at `atMs`, a full minute, and the village after it. Call it once for every minute, in order.
 */
export function villageHeartbeat(state: VillageState, atMs: number): Heartbeat {
  const random = new SeededRandom(state.randomState);
  const next = { ...state };
  const readings: PostedFields[] = [];
  const predictions: PostedFields[] = [];
  if (atMs % METER_PERIOD_MS === 0) readings.push(...meterReadings(next, atMs, random));
  readings.push(...plantReadings(next, atMs, random));
  if (atMs % HOUR_MS === 0) predictions.push(...loadForecast(next, atMs, random));
  next.randomState = random.state;
  return { state: next, readings, predictions };
}

function meterReadings(village: VillageState, atMs: number, random: SeededRandom): PostedFields[] {
  const readings: PostedFields[] = [];
  const meters: MeterState[] = [];
  let totalWh = 0;
  for (const meter of village.meters) {
    const isOn = random.chance(0.02) ? !meter.isOn : meter.isOn;
    const powerW = isOn ? meter.eveningW * demandShape(localHour(village, atMs)) * random.between(0.6, 1.4) : 0;
    const periodWh = Math.round(powerW / 4);
    const after = { ...meter, isOn, registerWh: meter.registerWh + periodWh };
    meters.push(after);
    totalWh += periodWh;
    readings.push(meterReading(after, periodWh, atMs, random));
  }
  village.meters = meters;
  village.totalRegisterWh += totalWh;
  village.loadW = totalWh * 4;
  const total = { device: 'totalizer', startedAtMs: 0, registerWh: village.totalRegisterWh, isOn: true };
  readings.push(meterReading(total, totalWh, atMs, random));
  return readings;
}

function meterReading(
  meter: Pick<MeterState, 'device' | 'registerWh' | 'startedAtMs' | 'isOn'>,
  periodWh: number,
  atMs: number,
  random: SeededRandom,
): PostedFields {
  const voltageV = random.between(222, 238);
  const powerFactor = random.between(0.86, 0.99);
  const powerW = periodWh * 4;
  return {
    device: meter.device,
    at: formatInstant(atMs),
    energyKwh: meter.registerWh / 1000,
    periodKwh: periodWh / 1000,
    powerW,
    powerFactor: rounded(powerFactor, 2),
    voltageV: rounded(voltageV, 1),
    voltageMinV: rounded(voltageV - random.between(0, 6), 1),
    voltageMaxV: rounded(voltageV + random.between(0, 5), 1),
    currentA: rounded(powerW / voltageV / powerFactor, 3),
    frequencyHz: rounded(random.between(49.8, 50.2), 2),
    uptimeS: Math.floor((atMs - meter.startedAtMs) / 1000),
    state: meter.isOn ? 'on' : 'no-credit',
  };
}

/** The inverter and the battery: the sun charges, the customers discharge. */
function plantReadings(village: VillageState, atMs: number, random: SeededRandom): PostedFields[] {
  const sun = Math.max(0, Math.sin(((localHour(village, atMs) - 6) / 12) * Math.PI));
  village.clearness = clamp(village.clearness + random.between(-0.05, 0.05), 0.15, 1);
  const irradianceWm2 = 1050 * sun * village.clearness;
  const pvW = (PV_PEAK_W_PER_METER * village.meters.length * irradianceWm2) / 1000;
  const capacityWh = BATTERY_WH_PER_METER * village.meters.length;
  const before = village.batteryWh;
  village.batteryWh = clamp(before + (pvW - village.loadW) / 60, 0.1 * capacityWh, capacityWh);
  const chargerW = (village.batteryWh - before) * 60;
  const at = formatInstant(atMs);
  return [
    {
      device: 'inverter',
      at,
      powerW: Math.round(pvW),
      irradianceWm2: Math.round(irradianceWm2),
      temperatureC: rounded(22 + 25 * sun * village.clearness + random.between(-0.5, 0.5), 1),
      state: pvW > 0 ? 'producing' : 'standby',
    },
    {
      device: 'battery',
      at,
      batterySocPct: rounded((100 * village.batteryWh) / capacityWh, 2),
      chargerPowerW: Math.round(chargerW),
      temperatureC: rounded(27 + random.between(-1, 1), 1),
    },
  ];
}

/** The model says at each hour what the next ones will draw. */
function loadForecast(village: VillageState, atMs: number, random: SeededRandom): PostedFields[] {
  const eveningW = village.meters.reduce((sum, meter) => sum + meter.eveningW, 0);
  return Array.from({ length: FORECAST_HOURS }, (_, i) => {
    const forMs = atMs + (i + 1) * HOUR_MS;
    const powerW = eveningW * demandShape(localHour(village, forMs)) * random.between(0.9, 1.1);
    return {
      model: 'load-forecast',
      at: formatInstant(atMs),
      for: formatInstant(forMs),
      powerKw: rounded(powerW / 1000, 3),
    };
  });
}

/** Share of a customer's evening demand at an hour of the day: little at night, a bump at noon, the peak at 20:00. */
function demandShape(hour: number): number {
  return 0.25 + 0.3 * bump(hour, 12.5, 2.5) + 0.75 * bump(hour, 20, 1.8);
}

function bump(hour: number, centre: number, widthH: number): number {
  return Math.exp(-(((hour - centre) / widthH) ** 2));
}

function localHour({ utcOffsetH }: VillageState, atMs: number): number {
  return (atMs / HOUR_MS + utcOffsetH) % 24;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
