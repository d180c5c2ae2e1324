/**
 * Does to the site what a day's plan says, moment by moment, and puts everything right for the night.
 *
 * An import goes on in the background until it is acknowledged, as long as that takes; it must be by the night.
 */

import type { PostedType } from '../../shared/documents.js';
import { ProgramClient } from '../../shared/http/client.js';
import { formatInstant, sleep } from '../../shared/time.js';
import type { PostedFields } from '../../sim/meters.js';
import { RegistryEditor } from './registry-editor.js';
import type { DayPlan, Moment } from './schedule.js';
import { DAY_MS } from './soak-clock.js';
import { type SoakSite, VILLAGE } from './soak-site.js';

const IMPORT_RETRY_MS = 250;
/** Imported readings are older than the soak, a minute apart. */
const IMPORT_AGE_MS = 400 * DAY_MS;
const MINUTE_MS = 60_000;

export class Blows {
  readonly editors: { edge: RegistryEditor; centre: RegistryEditor };
  readonly #site: SoakSite;
  readonly #onAcknowledged: (type: PostedType, documents: readonly PostedFields[]) => void;
  readonly #signal: AbortSignal;
  readonly #files: PostedFields[][] = [];
  readonly #ended = new AbortController();
  #imports: Promise<void>[] = [];

  constructor(
    site: SoakSite,
    onAcknowledged: (type: PostedType, documents: readonly PostedFields[]) => void,
    signal: AbortSignal,
  ) {
    this.#site = site;
    this.#onAcknowledged = onAcknowledged;
    this.#signal = AbortSignal.any([signal, this.#ended.signal]);
    const { centre, edge } = site;
    this.editors = {
      edge: new RegistryEditor({ name: 'edge', url: `${edge.url}/v1/registry` }),
      centre: new RegistryEditor({
        ...{ name: 'centre', url: `${centre.url}/v1/villages/${VILLAGE}/registry`, token: centre.adminToken },
      }),
    };
  }

  /** Plays the plan's moments, each at its time or as soon as those before it are over. */
  async play(plan: DayPlan): Promise<void> {
    const { clock, edge, centre } = this.#site;
    for (const moment of plan.moments) {
      await clock.sleepUntil(moment.atMs, this.#signal);
      this.#signal.throwIfAborted();
      edge.assertRunning();
      centre.process.assertRunning();
      await this.#perform(moment);
    }
    await clock.sleepUntil(plan.quietMs, this.#signal);
  }

  /** Nothing is broken any more, and every import is acknowledged. */
  async mend(): Promise<void> {
    const { link, disk, clock, edge } = this.#site;
    link.restore();
    await disk.free();
    await clock.step(0, edge.pid);
    await Promise.all(this.#imports);
    this.#imports = [];
  }

  #perform(moment: Moment): Promise<void> | void {
    const { link, disk, clock, edge } = this.#site;
    switch (moment.kind) {
      case 'link broken':
        return link[moment.how]();
      case 'link mended':
        return link.restore();
      case 'edge killed':
        return this.#site.killEdge(moment.downMs);
      case 'centre killed':
        return this.#site.killCentre(moment.downMs);
      case 'clock stepped':
        return clock.step(moment.byMs, edge.pid);
      case 'clock set right':
        return clock.step(0, edge.pid);
      case 'disk filled':
        return disk.fill(moment.how);
      case 'disk freed':
        return disk.free();
      case 'import':
        return this.#beginImport(moment);
      case 'registry edited':
        return this.editors[moment.where].edit(moment.device);
    }
  }

  /** Gives up what has not ended. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await Promise.allSettled(this.#imports);
  }

  #beginImport(moment: { documents: number; again: boolean }): void {
    const imported = this.#import(this.#fileFor(moment));
    // Seen by whoever mends; a rejection meanwhile is not to end the process.
    imported.catch(() => undefined);
    this.#imports.push(imported);
  }

  /** The oldest file once more, or a new one. */
  #fileFor({ documents, again }: { documents: number; again: boolean }): PostedFields[] {
    const [oldest] = this.#files;
    if (again && oldest) return oldest;
    const device = `import-${this.#files.length + 1}`;
    const sinceMs = this.#site.clock.beginMs - IMPORT_AGE_MS;
    const file = Array.from({ length: documents }, (_, n) => ({
      device,
      at: formatInstant(sinceMs + n * MINUTE_MS),
      energyKwh: n / 10,
    }));
    this.#files.push(file);
    return file;
  }

  /** Posts it in one request until that is acknowledged; rejects when it is refused for good. */
  async #import(file: PostedFields[]): Promise<void> {
    const client = new ProgramClient({ url: this.#site.edge.url, peer: 'the node', timeoutMs: 10_000 });
    const init = {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: file.map((fields) => `${JSON.stringify(fields)}\n`).join(''),
    };
    while (!this.#signal.aborted) {
      try {
        await client.json('/v1/readings', init);
        this.#onAcknowledged('reading', file);
        return;
      } catch (error) {
        if (!isRetryable(error)) throw error;
        await sleep(IMPORT_RETRY_MS, this.#signal);
      }
    }
  }
}

function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true;
}
