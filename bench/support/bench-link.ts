/** The links of the benchmark, between a client and a centre on this machine, with everything on them counted. */
import { type LinkCounts, SimulatedLink } from '../../sim/link.js';
import { waitFor } from '../../sim/wait-for.js';
import type { RunContext } from '../row.js';
import { type ObservedBody, type RequestCounts, RequestObserver } from './request-observer.js';

export interface LinkProfile {
  upBytesPerS: number;
  downBytesPerS: number;
  roundTripMs: number;
}

/** A village's 2G link: 64 kbit/s up, 128 down, 600 ms round trip. */
export const VILLAGE_LINK: LinkProfile = { upBytesPerS: 8_000, downBytesPerS: 16_000, roundTripMs: 600 };
/** A link in town: 1 Mbit/s, 50 ms. */
export const GOOD_LINK: LinkProfile = { upBytesPerS: 125_000, downBytesPerS: 125_000, roundTripMs: 50 };
/** A network in one building: 100 Mbit/s, 1 ms. */
export const LAN_LINK: LinkProfile = { upBytesPerS: 12_500_000, downBytesPerS: 12_500_000, roundTripMs: 1 };

/** Everything that has passed a link up to a moment. */
export interface Traffic {
  upBytes: number;
  downBytes: number;
  /** Without the headers of segments. */
  upPayloadBytes: number;
  connections: number;
  http: RequestCounts;
}

export class BenchLink {
  readonly link: SimulatedLink;
  readonly #observer: RequestObserver;

  constructor(targetPort: number, profile: LinkProfile, onBody?: (body: ObservedBody) => void) {
    this.#observer = new RequestObserver(onBody);
    this.link = new SimulatedLink({ targetPort, ...profile, observe: this.#observer.observe });
  }

  get url(): string {
    return this.link.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Restores the link and waits for the first byte that passes. */
  async restore({ signal }: RunContext): Promise<void> {
    const before = this.traffic.upPayloadBytes;
    this.link.restore();
    const what = 'somebody to try the link';
    await waitFor(() => this.traffic.upPayloadBytes > before, { what, timeoutMs: 120_000, intervalMs: 5, signal });
  }

  /** So far. Bytes are on the wire, 40 added for each segment of 1,400. */
  get traffic(): Traffic {
    return trafficOf(this.link.counts, this.#observer.counts);
  }

  /** Waits until nothing has moved for `quietMs`, and tells what has passed by then. */
  async atRest({ signal }: RunContext, quietMs: number): Promise<Traffic> {
    let before = this.traffic;
    let sinceMs = performance.now();
    await waitFor(
      () => {
        const now = this.traffic;
        if (now.upBytes !== before.upBytes || now.downBytes !== before.downBytes) sinceMs = performance.now();
        before = now;
        return performance.now() - sinceMs >= quietMs;
      },
      { what: 'the link to be at rest', timeoutMs: 120_000, intervalMs: 50, signal },
    );
    return before;
  }
}

/** Runs a link to a port of this machine for the time of the work. */
export async function withLink<T>(
  targetPort: number,
  profile: LinkProfile,
  work: (link: BenchLink) => Promise<T>,
  onBody?: (body: ObservedBody) => void,
): Promise<T> {
  const link = new BenchLink(targetPort, profile, onBody);
  await link.link.start();
  try {
    return await work(link);
  } finally {
    await link.link.stop();
  }
}

function trafficOf({ up, down, connections }: LinkCounts, http: RequestCounts): Traffic {
  return {
    upBytes: up.wireBytes,
    downBytes: down.wireBytes,
    upPayloadBytes: up.payloadBytes,
    connections,
    http,
  };
}
