/** Free TCP ports on the loopback address, found before a program is told to listen there. */
import net from 'node:net';
import { AppError, codeOf } from '../shared/app-error.js';

const HOST = '127.0.0.1';
/**
 * Below those that a system gives out of its own accord, on Linux from 32,768 on: neither an outgoing connection nor a
 * server on port 0, of whatever process, takes one before its program listens, or while that is started again.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** Nearly the golden section of COUNT, and prime to it: processes with numbers close to each other begin far apart. */
const APART = 7_417;
let next = (process.pid * APART) % COUNT;

/** A port nothing listens on at this moment, and none of the thousands that were answered before. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + next;
    next = (next + 1) % COUNT;
    if (await isFree(port)) return port;
  }
  throw new AppError('unavailable', `every port from ${FIRST} to ${FIRST + COUNT - 1} is taken`);
}

/** `port` when nothing listens on it, else another free one. */
export async function preferredPort(port: number): Promise<number> {
  return (await isFree(port)) ? port : freePort();
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error) => {
      const isTaken = codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES';
      if (isTaken) resolve(false);
      else reject(error);
    });
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}
