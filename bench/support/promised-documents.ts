/**
 * The documents the promises are of: readings and predictions of 500 bytes each as they are posted, in turn, from the
 * same fleet and seed as all others.
 */
import type { BenchReading, FleetPlan } from './readings.js';
import { fleetReadings } from './readings.js';

export const DOCUMENT_BYTES = 500;

export type PromisedDocument =
  | { kind: 'reading'; body: BenchReading }
  | { kind: 'prediction'; body: { model: string } & Record<string, string | number> };

/** One village of 500 meters, each with a forecast beside each reading; a second apart, so that a minute is many. */
export const PROMISED_FLEET: FleetPlan = {
  meters: 500,
  seed: 20_260_106,
  startAtMs: Date.parse('2026-01-05T00:00:00.000Z'),
  stepMs: 1_000,
};
const HORIZON_MS = 3_600_000;
const STEPS = 6;

/** Documents number `from` to `from + count - 1`, counted from 0: readings are the even ones. */
export function* promisedDocuments(from: number, count: number): Generator<PromisedDocument> {
  for (let n = from; n < from + count; n++) {
    const index = Math.floor(n / 2);
    for (const reading of fleetReadings(PROMISED_FLEET, index, 1)) {
      yield n % 2 === 0 ? readingOf(reading) : predictionOf(reading);
    }
  }
}

function readingOf(reading: BenchReading): PromisedDocument {
  const [powerW, voltageV, currentA] = [reading.powerW, reading.voltageV, reading.currentA].map(Number);
  const phases = [1, 2, 3].flatMap((phase) => [
    [`powerL${phase}W`, thousandths((powerW ?? 0) / 3 + phase)],
    [`voltageL${phase}V`, thousandths((voltageV ?? 0) - phase / 3)],
    [`currentL${phase}A`, thousandths((currentA ?? 0) / 3)],
  ]);
  return { kind: 'reading', body: padded({ ...reading, ...Object.fromEntries(phases) }) };
}

function predictionOf(reading: BenchReading): PromisedDocument {
  const { device, at, powerW } = reading;
  const steps = Array.from({ length: STEPS }, (_, step) => [
    [`powerWIn${step + 1}h`, thousandths(Number(powerW) * (1 + step / 7))],
    [`lowWIn${step + 1}h`, thousandths((Number(powerW) * (1 + step / 7)) / 1.3)],
    [`highWIn${step + 1}h`, thousandths(Number(powerW) * (1 + step / 7) * 1.3)],
  ]).flat();
  const forecast = new Date(Date.parse(at) + HORIZON_MS).toISOString();
  return {
    kind: 'prediction',
    body: padded({ model: 'load-forecast', device, at, for: forecast, ...Object.fromEntries(steps) }),
  };
}

/** Filled up to the size promised with a field of text. */
function padded<T extends object>(document: T): T & { state: string } {
  const without = Buffer.byteLength(JSON.stringify({ ...document, state: '' }));
  if (without > DOCUMENT_BYTES) throw new Error(`a document has ${without} bytes without its filling`);
  return { ...document, state: 'normal '.repeat(DOCUMENT_BYTES).slice(0, DOCUMENT_BYTES - without) };
}

function thousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
