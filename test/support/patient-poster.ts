/**
 * Posts batches of readings one after the other until told to stop; each again and again until it is acknowledged, as a
 * patient meter does.
 */
import { ProgramClient } from '../../shared/http/client.js';
import { formatInstant, sleep } from '../../shared/time.js';
import { AcknowledgedStore } from '../../sim/acknowledged.js';
import type { SeededRandom } from '../../sim/random.js';

const EPOCH_MS = Date.parse('2026-03-01T00:00:00.000Z');

export interface PatientPosterOptions {
  village: string;
  /** Where the node is now; asked for each request, and may throw while it is nowhere. */
  nodeUrl: () => string;
  /** Each posts for itself. */
  devices: readonly string[];
  random: SeededRandom;
  /** Longest pause between two batches of a device; 30 unless given. */
  maxPauseMs?: number;
}

export class PatientPoster {
  readonly acknowledged: AcknowledgedStore;
  /** Bytes of JSON acknowledged. */
  acknowledgedBytes = 0;
  readonly #options: PatientPosterOptions;
  readonly #stopping = new AbortController();
  readonly #working: Promise<void>[];
  readonly #counts = new Map<string, number>();

  constructor(options: PatientPosterOptions) {
    this.#options = options;
    this.acknowledged = new AcknowledgedStore(options.village);
    this.#working = options.devices.map((device) => this.#work(device));
  }

  /** Posts so many readings of a device in one request, and resolves when they are acknowledged. */
  async post(device: string, count: number): Promise<void> {
    const first = this.#counts.get(device) ?? 0;
    this.#counts.set(device, first + count);
    const batch = Array.from({ length: count }, (_, index) => ({
      device,
      at: formatInstant(EPOCH_MS + (first + index) * 1_000),
      powerW: this.#options.random.integer(0, 5_000),
    }));
    const body = JSON.stringify(batch);
    while (!(await this.#send(body))) await sleep(50);
    this.acknowledged.add('reading', batch);
    this.acknowledgedBytes += body.length;
  }

  /** Resolves when the last batch of each device is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#working);
  }

  async #work(device: string): Promise<void> {
    const { random, maxPauseMs = 30 } = this.#options;
    while (!this.#stopping.signal.aborted) {
      await this.post(device, random.integer(1, 20));
      await sleep(random.integer(0, maxPauseMs));
    }
  }

  async #send(body: string): Promise<boolean> {
    try {
      const client = new ProgramClient({ url: this.#options.nodeUrl(), peer: 'the node', timeoutMs: 5_000 });
      await client.json('/v1/readings', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
      return true;
    } catch {
      // Stopped or killed before, while or after it was stored: the same again tells.
      return false;
    }
  }
}
