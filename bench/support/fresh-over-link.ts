/**
 * How soon fresh data of a peer is at its centre when the village's link is back and a backlog waits. Every peer sends
 * in order, so what it takes grows with the backlog.
 */
import { waitFor } from '../../sim/wait-for.js';
import type { RunContext } from '../row.js';
import { assertHeld, withGateway } from './bench-centre.js';
import { VILLAGE_LINK, withLink } from './bench-link.js';
import { assertPeerHeld, type BufferPeer } from './buffer-peer.js';
import { stockFreshSeconds } from './stock-peer.js';

const ARRIVAL_TIMEOUT_MS = 1_800_000;
const POLL_MS = 20;

/**
 * A buffer that has been sending loses its link, takes readings, and gets the link back. Seconds from the acknowledgement
 * of a reading that is posted when the first byte passes until the centre holds it.
 */
export function bufferFreshSeconds(context: RunContext, peer: BufferPeer, pending: number): Promise<number> {
  const { signal } = context;
  return peer.withCentre(context, (centre) =>
    withLink(centre.port, VILLAGE_LINK, (link) =>
      peer.withBuffer(context, async (buffer) => {
        const arrived = (device: string) => {
          const options = { what: `${device} to arrive`, timeoutMs: ARRIVAL_TIMEOUT_MS, intervalMs: POLL_MS, signal };
          return waitFor(() => centre.holdsDevice(device), options);
        };
        await buffer.sendTo(link.port);
        await buffer.postOne('before');
        await arrived('before');
        link.link.cut();
        await buffer.fill(0, pending);
        await link.restore(context);
        await buffer.postOne('fresh');
        const startMs = performance.now();
        await arrived('fresh');
        const seconds = (performance.now() - startMs) / 1000;
        await assertPeerHeld(centre, pending + 2);
        return seconds;
      }),
    ),
  );
}

/** PouchDB's live replication, from when it begins over the backlog; how it finds out about its link is left out. */
export function stockLiveFreshSeconds(context: RunContext, pending: number): Promise<number> {
  return withGateway(context, (centre) =>
    withLink(centre.port, VILLAGE_LINK, async (link) => {
      const fresh = { readings: pending, device: 'fresh' };
      const seconds = await stockFreshSeconds(context, centre, link.url, fresh);
      await assertHeld(centre, pending + 1);
      return seconds;
    }),
  );
}
