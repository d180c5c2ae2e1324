/**
 * Preloaded into a program (`node --import`) it makes the program's time run faster: wall clock, monotonic clock,
 * timers and the time-outs of sockets, all by the same factor. So a day of a program that does little can be watched in
 * minutes, with every probe, time-out and schedule where it belongs.
 *
 * Set up by `fast-clock.ts`, so that several programs share one time. The network and the disk stay as fast as they
 * are: an exchange of 5 ms seems to take seconds.
 */
import http, { type ServerResponse } from 'node:http';
import net, { type Socket } from 'node:net';

import { EPOCH_VARIABLE, SPEED_VARIABLE } from './fast-clock.js';

const epochMs = Number(process.env[EPOCH_VARIABLE]);
const speed = Number(process.env[SPEED_VARIABLE]);
const realNow = Date.now;

const fastNow = (): number => Math.floor(epochMs + (realNow() - epochMs) * speed);

if (epochMs > 0 && speed > 0) {
  hastenClocks();
  hastenTimers();
  hastenSockets();
  dateAnswers();
}

function hastenClocks(): void {
  const RealDate = Date;
  const realMonotonic = performance.now.bind(performance);
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [fastNow()] : args, newTarget),
    apply: () => new RealDate(fastNow()).toString(),
    get: (target, name, receiver) => (name === 'now' ? fastNow : Reflect.get(target, name, receiver)),
  });
  performance.now = () => realMonotonic() * speed;
}

function hastenTimers(): void {
  const { setTimeout: realTimeout, setInterval: realInterval } = globalThis;
  const hastened = <F extends typeof realTimeout | typeof realInterval>(real: F): F =>
    new Proxy(real, {
      apply: (target, self, [callback, delayMs = 0, ...rest]) =>
        Reflect.apply(target, self, [callback, Number(delayMs) / speed, ...rest]),
    });
  globalThis.setTimeout = hastened(realTimeout);
  globalThis.setInterval = hastened(realInterval);
}

/** Node's servers and agents end idle connections by these. */
function hastenSockets(): void {
  const real = net.Socket.prototype.setTimeout;
  net.Socket.prototype.setTimeout = function setTimeout(
    this: Socket,
    timeoutMs: number,
    callback?: () => void,
  ): Socket {
    return real.call(this, timeoutMs / speed, callback);
  };
}

/** Node dates its answers from a clock of its own. */
function dateAnswers(): void {
  const real = http.ServerResponse.prototype.writeHead;
  http.ServerResponse.prototype.writeHead = function writeHead(this: ServerResponse, ...args: unknown[]) {
    this.setHeader('Date', new Date().toUTCString());
    return Reflect.apply(real, this, args);
  };
}
