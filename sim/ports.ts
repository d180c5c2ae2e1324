/** Free TCP ports on the loopback address, found before a program is told to listen there. */
import net from 'node:net';
import { AppError, codeOf } from '../shared/app-error.js';

const HOST = '127.0.0.1';
/**
 * Below those that a system gives to whoever asks for any (from 32768 on Linux, from 49152 elsewhere): nobody comes by
 * one of these by chance, neither before its program listens there nor while that is stopped to be started again.
 */
const FIRST = 20_000;
const COUNT = 10_000;
const GOLDEN = 0.618_033_988_75;

/** In turn, from a place of this process's own: others, which look for ports at the same time, are far from it. */
let next = Math.floor(((process.pid * GOLDEN) % 1) * COUNT);

/** A port nothing listens on at this moment, and none that was answered lately. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await isFree(port)) return port;
  }
  throw new AppError('unavailable', `all ports from ${FIRST} to ${FIRST + COUNT - 1} are in use`);
}

/** `port` when nothing listens on it, else another free one. */
export async function preferredPort(port: number): Promise<number> {
  return (await isFree(port)) ? port : freePort();
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error) => {
      if (['EADDRINUSE', 'EACCES'].includes(codeOf(error) ?? '')) resolve(false);
      else reject(error);
    });
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
