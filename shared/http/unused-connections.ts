/**
 * Connections on which no request has come yet: a client that opens one ahead of its need, a TLS handshake that is not
 * finished. Node counts them neither as idle nor, before the handshake, as connections of the HTTP server at all, so they
 * would hold a stopping server open until they time out.
 */
import type http from 'node:http';
import type { Socket } from 'node:net';

export class UnusedConnections {
  /** By the other side's address and port: a request over TLS comes with another socket than its connection. */
  readonly #unused = new Map<string, Socket>();

  constructor(server: http.Server) {
    server.on('connection', (socket: Socket) => {
      const peer = peerOf(socket);
      this.#unused.set(peer, socket);
      socket.once('close', () => {
        if (this.#unused.get(peer) === socket) this.#unused.delete(peer);
      });
    });
    server.on('request', ({ socket }: http.IncomingMessage) => void this.#unused.delete(peerOf(socket)));
  }

  close(): void {
    for (const socket of this.#unused.values()) socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
