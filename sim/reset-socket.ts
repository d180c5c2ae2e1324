/**
 * Breaking a TCP connection off as a dying link does: the peer sees a reset and never an orderly end.
 */
import type { Socket } from 'node:net';

/**
 * Sends RST and destroys the socket; what was not sent is lost. Node's own `resetAndDestroy` ends the stream first, so
 * that the peer gets a FIN ahead of the RST and may take half an answer for a whole one. The field is the one Node sets
 * there; `test/sim/link.test.ts` pins it.
 */
export function resetSocket(socket: Socket): void {
  // The end is on its way already. libuv resets no socket that is shutting down, and Node would then never close it,
  // and spin for ever when the process ends.
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (!isEnding) (socket as Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
  socket.destroy();
}
