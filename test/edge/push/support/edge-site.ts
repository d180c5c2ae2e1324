/** One village's node in the test's own process, used as its meters and its technician use it: over REST. */

import type { NodeStatus } from '../../../../edge/api/status.js';
import { EDGE_SETTINGS, nodeConfig } from '../../../../edge/config.js';
import { EdgeNode } from '../../../../edge/node.js';
import type { OneShotProgress, OneShotResult } from '../../../../edge/push/one-shot.js';
import type { QuarantineItem } from '../../../../edge/push/quarantine-store.js';
import type { TelemetryDocument } from '../../../../shared/documents.js';
import { ProgramClient } from '../../../../shared/http/client.js';
import { silentLogger } from '../../../../shared/logger.js';
import { loadSettings } from '../../../../shared/settings.js';
import { type Clock, formatInstant, systemClock } from '../../../../shared/time.js';

/** Settings by name, as they would stand in the environment. */
export type SiteSettings = Record<string, string>;

export interface ReplicationAnswer {
  progress: OneShotProgress[];
  result: OneShotResult;
}

export interface ReplicationLimits {
  maxRetries?: number;
  retryIntervalS?: number;
  deadlineS?: number;
}

/** Pushes on request only, gives up after few attempts, and asks for no room on the disk. */
const DEFAULTS: SiteSettings = {
  EDGE_PORT: '0',
  SYNC_MODE: 'scheduled',
  SYNC_SCHEDULE: 'off',
  SYNC_TIMEOUT: '10',
  CONNECTIVITY_INTERVAL: '0.2',
  MAX_RETRIES: '2',
  RETRY_INTERVAL: '0.02',
  MIN_FREE_MB: '0',
};

const EPOCH_MS = Date.parse('2026-03-01T00:00:00.000Z');

export class EdgeSite {
  readonly village: string;
  readonly folder: string;
  readonly #clock: Clock;
  #settings: SiteSettings;
  #node: EdgeNode;
  #isRunning = false;

  private constructor(village: string, folder: string, settings: SiteSettings, clock: Clock) {
    this.village = village;
    this.folder = folder;
    this.#clock = clock;
    this.#settings = { ...DEFAULTS, ...settings };
    this.#node = this.#make();
  }

  static async start(
    village: string,
    folder: string,
    settings: SiteSettings = {},
    clock: Clock = systemClock,
  ): Promise<EdgeSite> {
    const site = new EdgeSite(village, folder, settings, clock);
    await site.restart();
    return site;
  }

  get url(): string {
    return this.#node.url;
  }

  get client(): ProgramClient {
    const { EDGE_TOKEN: token } = this.#settings;
    return new ProgramClient({ url: this.url, token, peer: 'the node' });
  }

  /** Stops it if need be and starts it, with other settings where given. */
  async restart(changes: SiteSettings = {}): Promise<void> {
    await this.stop();
    this.#settings = { ...this.#settings, ...changes };
    this.#node = this.#make();
    await this.#node.start();
    this.#isRunning = true;
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    await this.#node.stop();
  }

  /** Posts readings and waits until they are acknowledged. */
  async post(readings: readonly object[]): Promise<void> {
    await this.#send('/v1/readings', readings);
  }

  async postPredictions(predictions: readonly object[]): Promise<void> {
    await this.#send('/v1/predictions', predictions);
  }

  status(): Promise<NodeStatus> {
    return this.client.json('/v1/status');
  }

  /** A forced replication, to its end. */
  async replicate(limits: ReplicationLimits = {}): Promise<ReplicationAnswer> {
    const progress: OneShotProgress[] = [];
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(limits) };
    for await (const line of this.client.lines<OneShotProgress | OneShotResult>('/v1/replicate', init)) {
      if (line.event === 'done') return { progress, result: line };
      progress.push(line);
    }
    throw new Error('the node did not say how the replication ended');
  }

  async quarantine(): Promise<QuarantineItem[]> {
    return (await this.client.json<{ items: QuarantineItem[] }>('/v1/quarantine')).items;
  }

  retryQuarantine(): Promise<{ released: number; quarantined: number }> {
    return this.client.json('/v1/quarantine/retry', { method: 'POST' });
  }

  /** All readings and predictions the node keeps, by id. */
  async documents(): Promise<TelemetryDocument[]> {
    const found: TelemetryDocument[] = [];
    for (const list of ['readings', 'predictions']) {
      let cursor: string | undefined;
      do {
        const more = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page = await this.client.json<{ items: TelemetryDocument[]; next?: string }>(
          `/v1/${list}?limit=1000${more}`,
        );
        found.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined);
    }
    return found.sort(byId);
  }

  #make(): EdgeNode {
    const flags = { VILLAGE_ID: this.village, LOCAL_CACHE_PATH: this.folder, ...this.#settings };
    const config = nodeConfig(loadSettings(EDGE_SETTINGS, { flags, env: {} }));
    return new EdgeNode({ config, log: silentLogger(), clock: this.#clock });
  }

  async #send(path: string, documents: readonly object[]): Promise<void> {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(documents) };
    await this.client.json(path, init);
  }
}

/**
 * Readings no other call with another `first` makes: five meters, one second apart, in an order that is not that of
 * their ids.
 */
export function readings(count: number, first = 0): object[] {
  return Array.from({ length: count }, (_, index) => {
    const n = first + index;
    return {
      device: `m${n % 5}`,
      at: formatInstant(EPOCH_MS + n * 1_000),
      powerW: n,
      state: n % 2 ? 'on' : 'off',
      ok: true,
    };
  });
}

export function predictions(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ model: 'pv', at: formatInstant(EPOCH_MS), for: formatInstant(EPOCH_MS + n * 900_000) },
    powerKw: n / 8,
  }));
}

export function byId(a: { _id: string }, b: { _id: string }): number {
  return a._id < b._id ? -1 : 1;
}
