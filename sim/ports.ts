/** Free TCP ports on the loopback address, found before a program is told to listen there. */
import net from 'node:net';
import { codeOf } from '../shared/app-error.js';

const HOST = '127.0.0.1';

/** A port nothing listens on at this moment; the system does not give the same one again soon. */
export function freePort(): Promise<number> {
  return portAfterListening(0);
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
