/** Free TCP ports on the loopback address, found before a program is told to listen there. */
import net from 'node:net';
import { codeOf } from '../shared/app-error.js';

const HOST = '127.0.0.1';
/** The system may give one again before whoever it is for listens there. */
const given = new Set<number>();

/** A port nothing listens on at this moment, and none that was answered before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await portAfterListening(0);
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** `port` when nothing listens on it, else another free one. */
export async function preferredPort(port: number): Promise<number> {
  try {
    return await portAfterListening(port);
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE' || codeOf(error) === 'EACCES') return freePort();
    throw error;
  }
}

function portAfterListening(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(port, HOST, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(taken));
    });
  });
}
