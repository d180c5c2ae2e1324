/**
 * Preloaded into a program behind the fast clock of `bench/support`: lets its wall clock be set while it runs, and
 * keeps its timers from coming more often than a real machine can bear.
 *
 * The clock is off by what the file named in the environment says; the signal SIGUSR2 has it read again. The monotonic
 * clock knows nothing of that, as on a real board. A timer is not made shorter than the shortest one: what is due every
 * five seconds would otherwise come a hundred times a second. Shorter ones keep their real length. Connections idle in real
 * time, or one side would end them just when the other, waiting for the processor, uses them.
 */
import { readFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';

import { SPEED_VARIABLE } from '../../bench/support/fast-clock.js';
import { OFFSET_FILE_VARIABLE, SHORTEST_TIMER_VARIABLE } from './soak-clock.js';

const offsetFile = process.env[OFFSET_FILE_VARIABLE];
const shortestMs = Number(process.env[SHORTEST_TIMER_VARIABLE]);
const speed = Number(process.env[SPEED_VARIABLE]);

if (offsetFile !== undefined) followOffset(offsetFile);
if (shortestMs > 0 && speed > 0) {
  slowTimers();
  slowSockets();
}

function followOffset(file: string): void {
  const readOffset = (): number => Number(readFileSync(file, 'utf8'));
  const FastDate = Date;
  let offsetMs = readOffset();
  process.on('SIGUSR2', () => {
    offsetMs = readOffset();
  });
  const now = (): number => FastDate.now() + offsetMs;
  globalThis.Date = new Proxy(FastDate, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: () => new FastDate(now()).toString(),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
}

function slowTimers(): void {
  const { setTimeout: fastTimeout, setInterval: fastInterval } = globalThis;
  const slowed = <F extends typeof fastTimeout | typeof fastInterval>(fast: F): F =>
    new Proxy(fast, {
      apply: (target, self, [callback, delayMs = 0, ...rest]) => {
        const wantedMs = Number(delayMs);
        const allowedMs = Math.max(wantedMs, Math.min(wantedMs, shortestMs) * speed);
        return Reflect.apply(target, self, [callback, allowedMs, ...rest]);
      },
    });
  globalThis.setTimeout = slowed(fastTimeout);
  globalThis.setInterval = slowed(fastInterval);
}

function slowSockets(): void {
  const fast = net.Socket.prototype.setTimeout;
  net.Socket.prototype.setTimeout = function setTimeout(this: Socket, ms: number, callback?: () => void): Socket {
    return fast.call(this, ms * speed, callback);
  };
}
