/**
 * How many connections a server holds, in all and from one address; further ones are dropped as they come. That it
 * happens is told once a minute at most.
 */
import type { Server, Socket } from 'node:net';
import type { Clock } from '../time.js';

export interface ConnectionLimits {
  total: number;
  /** None where absent: behind a proxy all of them come from one address. */
  perAddress?: number | undefined;
}

const TELL_EVERY_MS = 60_000;

export interface WatchOptions {
  limits: ConnectionLimits;
  /** Told how many were dropped since it was told last. */
  onDropped?: ((dropped: number) => void) | undefined;
  clock: Clock;
}

export function limitConnections(server: Server, { limits, onDropped, clock }: WatchOptions): void {
  const { total, perAddress = Number.POSITIVE_INFINITY } = limits;
  const byAddress = new Map<string, number>();
  let dropped = 0;
  let toldMs = Number.NEGATIVE_INFINITY;
  const drop = () => {
    dropped++;
    const nowMs = clock.monotonic();
    if (nowMs - toldMs < TELL_EVERY_MS) return;
    onDropped?.(dropped);
    toldMs = nowMs;
    dropped = 0;
  };
  server.maxConnections = total;
  server.on('drop', drop);
  // Before the server's own listener: nothing is read from one that is dropped.
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const open = (byAddress.get(address) ?? 0) + 1;
    byAddress.set(address, open);
    socket.once('close', () => {
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
    if (open <= perAddress) return;
    drop();
    socket.destroy();
  });
}
