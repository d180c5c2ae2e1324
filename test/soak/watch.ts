/** Looks at a soak every second: what both programs take, what waits in the village, what is at the centre. */
import { sleep } from '../../shared/time.js';
import type { Arrivals } from './arrivals.js';
import type { HeldDocuments } from './held-documents.js';
import { ProcessSamples } from './process-samples.js';
import { HOUR_MS } from './soak-clock.js';
import { bytesBelow } from './soak-disk.js';
import type { SoakSite } from './soak-site.js';

const LOOK_EVERY_MS = 1_000;

/** A look; a figure that could not be had is null. */
export interface Look {
  /** True hours since the soak began. */
  hour: number;
  edgeMiB: number | null;
  edgeHandles: number | null;
  edgeDiskMb: number;
  centreMiB: number | null;
  centreHandles: number | null;
  centreDiskMb: number;
  /** Documents the node has not delivered, and the segments it keeps. */
  pending: number | null;
  segments: number | null;
  /** Documents acknowledged by the node, and those at the centre, events of the node's own among them. */
  acknowledged: number;
  held: number;
}

export class Watch {
  readonly looks: Look[] = [];
  readonly edge: ProcessSamples;
  readonly centre: ProcessSamples;
  readonly #site: SoakSite;
  readonly #held: HeldDocuments;
  readonly #arrivals: Arrivals;
  readonly #stopping = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(site: SoakSite, held: HeldDocuments, arrivals: Arrivals) {
    this.#site = site;
    this.#held = held;
    this.#arrivals = arrivals;
    this.edge = new ProcessSamples(site.edge);
    this.centre = new ProcessSamples(site.centre.process);
  }

  start(): void {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.looks.push(await this.#look());
      await sleep(LOOK_EVERY_MS, this.#stopping.signal);
    }
  }

  async #look(): Promise<Look> {
    const { clock, disk, centrePath } = this.#site;
    const hour = (clock.now() - clock.beginMs) / HOUR_MS;
    // Either program may be gone just now.
    const status = this.#site.status().catch(() => undefined);
    const [edge, centre, store, edgeBytes, centreBytes] = await Promise.all([
      this.edge.look(hour),
      this.centre.look(hour),
      status.then((answer) => answer?.store),
      disk.usedBytes(),
      bytesBelow(centrePath),
      this.#arrivals.catchUp().catch(() => undefined),
    ]);
    return {
      hour: Math.round(hour * 1000) / 1000,
      edgeMiB: rounded(edge?.residentMiB),
      edgeHandles: edge?.handles ?? null,
      edgeDiskMb: rounded(edgeBytes / 1_000_000) ?? 0,
      centreMiB: rounded(centre?.residentMiB),
      centreHandles: centre?.handles ?? null,
      centreDiskMb: rounded(centreBytes / 1_000_000) ?? 0,
      pending: store?.pending ?? null,
      segments: store?.segments ?? null,
      acknowledged: this.#held.acknowledged,
      held: this.#held.held,
    };
  }
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 10) / 10;
}
