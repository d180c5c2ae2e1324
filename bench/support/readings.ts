/**
 * Readings to measure with: meters that report twelve numeric fields at a fixed step, from a fixed seed.
 *
 * Invariants: the same plan gives the same readings; all meters report before the next step begins; registers grow.
 */
import { telemetryId } from '../../shared/documents.js';
import { contentRevision } from '../../shared/revision.js';
import { formatInstant } from '../../shared/time.js';
import { SeededRandom } from '../../sim/random.js';

export interface FleetPlan {
  meters: number;
  seed: number;
  startAtMs: number;
  stepMs: number;
}

export type BenchReading = { device: string; at: string } & Record<string, string | number>;

/** A village of 500 meters with a heartbeat every 15 minutes. */
export const VILLAGE_FLEET: FleetPlan = {
  meters: 500,
  seed: 20_260_105,
  startAtMs: Date.parse('2026-01-05T00:00:00.000Z'),
  stepMs: 900_000,
};

/** Readings number `from` to `from + count - 1` of a fleet, counted from 0. */
export function* fleetReadings(plan: FleetPlan, from: number, count: number): Generator<BenchReading> {
  for (let i = from; i < from + count; i++) yield readingAt(plan, i);
}

/** The same readings in a random order of the plan's seed, as when nodes send what they had kept. */
export function shuffledReadings(plan: FleetPlan, from: number, count: number): BenchReading[] {
  const random = new SeededRandom(plan.seed);
  const readings = [...fleetReadings(plan, from, count)];
  for (let i = readings.length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    const [a, b] = [readings[i], readings[j]];
    if (a && b) [readings[i], readings[j]] = [b, a];
  }
  return readings;
}

/** A reading as a node stores it, revision included, under the given number. */
export function storedDocument(reading: BenchReading, seq: number): Record<string, string | number> {
  const village = 'bench';
  const _id = telemetryId(village, 'reading', reading);
  const _rev = contentRevision(_id, reading);
  return { ...reading, _id, _rev, type: 'reading', village, node: 'peer00', seq, boot: 1 };
}

function readingAt({ meters, seed, startAtMs, stepMs }: FleetPlan, index: number): BenchReading {
  const meter = index % meters;
  const step = Math.floor(index / meters);
  // A generator per reading: any part of the stream can be made without what comes before it.
  const random = new SeededRandom(Math.imul(seed + index, 0x9e3779b1));
  const loadW = 40 + (meter % 97) * 9;
  const periodKwh = rounded((loadW * random.between(0.6, 1.4) * stepMs) / 3_600_000_000, 4);
  const voltageV = random.between(224, 236);
  const powerW = rounded(loadW * random.between(0.5, 1.5), 1);
  const powerFactor = rounded(random.between(0.86, 0.99), 2);
  const currentA = powerW / voltageV / powerFactor;
  return {
    device: `meter-${String(meter + 1).padStart(4, '0')}`,
    at: formatInstant(startAtMs + step * stepMs),
    energyKwh: rounded(1000 + meter * 7.31 + (step + random.next()) * ((loadW * stepMs) / 3_600_000_000), 3),
    periodKwh,
    powerW,
    powerFactor,
    voltageV: rounded(voltageV, 1),
    voltageMinV: rounded(voltageV - random.between(0, 6), 1),
    voltageMaxV: rounded(voltageV + random.between(0, 5), 1),
    currentA: rounded(currentA, 3),
    currentMaxA: rounded(currentA * random.between(1, 2.5), 3),
    frequencyHz: rounded(random.between(49.8, 50.2), 2),
    temperatureC: rounded(random.between(22, 41), 1),
    uptimeS: 86_400 + meter * 977 + step * Math.round(stepMs / 1000),
  };
}

/** Unlike `toFixed` and back, cheap enough not to slow the load down. */
function rounded(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
