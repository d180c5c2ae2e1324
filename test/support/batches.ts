/** Batches of readings that are sent with a number of their own, and what became of them. */
import { expect } from 'chai';
import type { SeededRandom } from '../../sim/random.js';
import { type Answer, postText } from '../edge/api/node-client.js';
import { contentOf } from '../edge/ledger/ingest-model.js';
import { BATCH_HEADER } from './strace-recording.js';

export interface Reading {
  device: string;
  at: string;
  powerW: number;
  [field: string]: number | string | boolean;
}

const EPOCH_MS = Date.UTC(2026, 2, 1);

/** Makes readings, each unlike any other. */
export class ReadingSource {
  readonly #random: SeededRandom;
  #count = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  next(device: string): Reading {
    const random = this.#random;
    const n = ++this.#count;
    return {
      device,
      at: new Date(EPOCH_MS + n * 1000).toISOString(),
      powerW: random.integer(0, 5000),
      energyKwh: n / 4,
      ...{ voltageV: random.between(200, 240), currentA: random.between(0, 30), frequencyHz: random.between(49, 51) },
      ...{ powerFactor: random.next(), state: random.chance(0.5) ? 'on' : 'off', uptimeS: n * 900 },
    };
  }

  batch(device: string, maxDocuments: number): Reading[] {
    return Array.from({ length: this.#random.integer(1, maxDocuments) }, () => this.next(device));
  }
}

export interface BatchLoad {
  url: string;
  source: ReadingSource;
  senders: number;
  documents: number;
  /** Documents of one request. */
  maxBatch: number;
  /** All batches sent so far, by number; new ones are added. */
  batches: Map<number, Reading[]>;
  /** Awaited after each acknowledgement, before the same sender goes on. */
  onAcknowledged?: (number: number) => Promise<void>;
}

/** Posts until so many documents are acknowledged; every answer must be 201. */
export async function postBatches(load: BatchLoad): Promise<void> {
  const { url, source, senders, documents, maxBatch, batches, onAcknowledged } = load;
  let left = documents;
  const send = async (device: string): Promise<void> => {
    while (left > 0) {
      const readings = source.batch(device, Math.min(maxBatch, left));
      left -= readings.length;
      const number = batches.size + 1;
      batches.set(number, readings);
      const answer = await postBatch(url, number, readings);
      expect(answer.status, answer.text).to.equal(201);
      await onAcknowledged?.(number);
    }
  };
  await Promise.all(Array.from({ length: senders }, (_, n) => send(`m${n + 1}`)));
}

function postBatch(url: string, number: number, readings: readonly Reading[]): Promise<Answer> {
  return postText(url, 'readings', JSON.stringify(readings), { headers: { [BATCH_HEADER]: String(number) } });
}

/** The contents of some batches. */
export function contentsOf(batches: ReadonlyMap<number, readonly Reading[]>, numbers: Iterable<number>): Set<string> {
  return new Set([...numbers].flatMap((number) => (batches.get(number) ?? []).map(contentOf)));
}
