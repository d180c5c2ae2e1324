/**
 * A day's readings over a village's link, ours and stock: a node takes them while it has no link, the link opens, and
 * everything that passes is counted until nothing moves any more.
 */
import type { RunContext } from '../row.js';
import { assertHeld, type BenchCentre, settingsFor } from './bench-centre.js';
import { type BenchLink, type Traffic, VILLAGE_LINK, withLink } from './bench-link.js';
import { withNode } from './bench-node.js';
import { assertPeerHeld, type BufferPeer, untilArrived } from './buffer-peer.js';
import { fill, untilDrained } from './node-client.js';
import type { ObservedBody } from './request-observer.js';
import { stockSeconds } from './stock-peer.js';

export interface LinkDrain {
  readings: number;
  /** From the opening of the link until the node knows that the centre has everything. */
  seconds: number;
  /** From the opening of the link until nothing moves any more. */
  traffic: Traffic;
  /**
   * Requests per 1,000 readings between a quarter and seven eighths of the way; undefined where nobody looked, or where
   * that was over too soon.
   */
  steadyRequestsPer1000: number | undefined;
}

/** Behind the last document a node may still write checkpoints and ask for receipts. */
const QUIET_MS = 5_000;
const TIMEOUT_MS = 1_800_000;
/** Of the readings still pending: where the steady part begins and ends. */
const STEADY_FROM = 3 / 4;
const STEADY_TO = 1 / 8;

/** What a node of ours takes. `onBody` is shown each body that arrives. */
export function drainOurs(
  context: RunContext,
  centre: BenchCentre,
  readings: number,
  onBody?: (body: ObservedBody) => void,
): Promise<LinkDrain> {
  const measure = async (link: BenchLink): Promise<LinkDrain> => {
    link.link.cut();
    // How soon a node notices its link is another row's figure.
    const settings = { ...settingsFor(centre, link.url), CONNECTIVITY_INTERVAL: '1' };
    return withNode(context, settings, async (node) => {
      await fill(context, node, 0, readings);
      const steady = new SteadyPart(link, readings);
      const startMs = performance.now();
      link.link.restore();
      await untilDrained(context, node, TIMEOUT_MS, ({ store }) => steady.look(store.pending));
      const seconds = (performance.now() - startMs) / 1000;
      const traffic = await link.atRest(context, QUIET_MS);
      await assertHeld(centre, readings);
      return { readings, seconds, traffic, steadyRequestsPer1000: steady.requestsPer1000 };
    });
  };
  return withLink(centre.port, VILLAGE_LINK, measure, onBody);
}

/** What stock replication takes. */
export function drainStock(context: RunContext, centre: BenchCentre, readings: number): Promise<LinkDrain> {
  return withLink(centre.port, VILLAGE_LINK, async (link) => {
    const seconds = await stockSeconds(context, centre, link.url, readings);
    const { traffic } = link;
    await assertHeld(centre, readings);
    return { readings, seconds, traffic, steadyRequestsPer1000: undefined };
  });
}

/** What a buffer of a peer takes, which sends what it holds from when the link opens. */
export function drainPeer(context: RunContext, peer: BufferPeer, readings: number): Promise<LinkDrain> {
  return peer.withCentre(context, (centre) =>
    withLink(centre.port, VILLAGE_LINK, (link) =>
      peer.withBuffer(context, async (buffer) => {
        await buffer.fill(0, readings);
        await buffer.sendTo(link.port);
        const options = { sinceMs: performance.now(), quietMs: TIMEOUT_MS, timeoutMs: TIMEOUT_MS };
        const { seconds } = await untilArrived(context, centre, readings, options);
        const traffic = await link.atRest(context, QUIET_MS);
        await assertPeerHeld(centre, readings);
        return { readings, seconds, traffic, steadyRequestsPer1000: undefined };
      }),
    ),
  );
}

class SteadyPart {
  readonly #link: BenchLink;
  readonly #total: number;
  #first: { pending: number; requests: number } | undefined;
  #last: { pending: number; requests: number } | undefined;

  constructor(link: BenchLink, total: number) {
    this.#link = link;
    this.#total = total;
  }

  look(pending: number): void {
    const seen = { pending, requests: this.#link.traffic.http.requests };
    // Only where something has just arrived: requests are counted as they are sent, documents as they are answered.
    if (pending === this.#last?.pending || pending > this.#total * STEADY_FROM) return;
    this.#first ??= seen;
    if (pending >= this.#total * STEADY_TO || this.#last === undefined) this.#last = seen;
  }

  get requestsPer1000(): number | undefined {
    const documents = (this.#first?.pending ?? 0) - (this.#last?.pending ?? 0);
    if (!this.#first || !this.#last || documents === 0) return undefined;
    return ((this.#last.requests - this.#first.requests) / documents) * 1_000;
  }
}
