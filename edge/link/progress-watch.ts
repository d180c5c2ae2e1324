/**
 * Watches one HTTP exchange and gives it up when nothing has moved for too long.
 *
 * Upload progress cannot be seen to the end: the kernel swallows megabytes at once. Until the answer begins, the time
 * the body needs at the measured rate is therefore allowed on top.
 */
import type { ClientRequest } from 'node:http';

const LOOK_EVERY_MS = 100;

export interface ProgressLimits {
  /** Milliseconds without any progress that are tolerated. */
  timeoutMs: number;
  /** Milliseconds the body may need on its way after the kernel has taken it. */
  uploadMs: number;
}

export interface ProgressWatch {
  /** The answer has begun: from here every byte is seen. */
  answered(): void;
  end(): void;
}

/** Calls `giveUp` once when the exchange stands still. */
export function watchProgress(call: ClientRequest, limits: ProgressLimits, giveUp: () => void): ProgressWatch {
  let allowedMs = limits.timeoutMs + limits.uploadMs;
  let movedAtMs = performance.now();
  let seenBytes = 0;
  const timer = setInterval(() => {
    const bytes = movedBytes(call);
    const nowMs = performance.now();
    if (bytes !== seenBytes) {
      seenBytes = bytes;
      movedAtMs = nowMs;
    } else if (nowMs - movedAtMs > allowedMs) {
      clearInterval(timer);
      giveUp();
    }
  }, LOOK_EVERY_MS);
  return {
    answered() {
      allowedMs = limits.timeoutMs;
      movedAtMs = performance.now();
    },
    end() {
      clearInterval(timer);
    },
  };
}

/** Bytes that have left for the kernel or come from it. */
function movedBytes({ socket }: ClientRequest): number {
  return socket ? socket.bytesRead + socket.bytesWritten - socket.writableLength : 0;
}
