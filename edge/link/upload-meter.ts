/**
 * What leaves the node: how fast, and how long what was handed over still needs.
 *
 * The kernel swallows a body at once, so neither can be seen while it travels. The rate is therefore measured at the
 * answers, and what is on its way is kept as a virtual queue: a body handed over leaves after everything before it.
 *
 * Invariants: the rate is always positive and finite; with nothing in flight nothing is left to leave; bodies that
 * travel at the same time measure the link and not each other.
 */

/** Assumed until something has been measured: a poor 2G link. */
const INITIAL_BYTES_PER_S = 2_000;
const MIN_BYTES_PER_S = 100;
/** Smaller bodies mostly measure the round trip: they only tell what the rate is at least. */
const MEASURE_FROM_BYTES = 4_000;
/** A request this small fits one segment: what it takes is the round trip. */
const ROUND_TRIP_UP_TO_BYTES = 1_000;
/** An answer so soon after the one before (as a share of its own time in flight) says something about both together. */
const TOGETHER_SHARE = 0.25;
/** How much one measurement moves the average, between 0 and 1. */
const WEIGHT = 0.5;
/** What is assumed of the rate after a body did not get through in time. */
const SLOWER = 4;

/** A body on its way. */
export interface Upload {
  readonly bytes: number;
  handedOverMs: number;
  /** Nothing else was on its way when it was handed over. */
  readonly alone: boolean;
}

interface Sample {
  bytes: number;
  durationMs: number;
}

export class UploadMeter {
  readonly #now: () => number;
  readonly #inFlight = new Set<Upload>();
  #busyUntilMs = 0;
  #lastAnswerMs = 0;
  #roundTripMs: number | undefined;
  /** The average without the last sample, which may still grow; undefined while the rate is only assumed. */
  #settledBytesPerS: number | undefined;
  #last: Sample | undefined;
  #bytesPerS = INITIAL_BYTES_PER_S;
  #isMeasured = false;

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Measured goodput of request bodies, a moving average; 2,000 until something has been measured. */
  get bytesPerS(): number {
    return this.#bytesPerS;
  }

  /** False while the rate is what was assumed in the beginning. */
  get isMeasured(): boolean {
    return this.#isMeasured;
  }

  /** Estimated milliseconds until everything handed over has left; 0 when nothing is in flight. */
  get leftMs(): number {
    return this.#inFlight.size === 0 ? 0 : Math.max(0, this.#busyUntilMs - this.#now());
  }

  /** A body of so many bytes is handed to the kernel now. */
  handOver(bytes: number): Upload {
    const nowMs = this.#now();
    const upload = { bytes, handedOverMs: nowMs, alone: this.#inFlight.size === 0 };
    const startMs = upload.alone ? nowMs : Math.max(nowMs, this.#busyUntilMs);
    this.#busyUntilMs = startMs + this.#needsMs(bytes);
    this.#inFlight.add(upload);
    return upload;
  }

  /** Its connection stands only now: what was before does not count as sending. */
  connected(upload: Upload): void {
    if (!this.#inFlight.has(upload)) return;
    const nowMs = this.#now();
    this.#busyUntilMs += nowMs - upload.handedOverMs;
    upload.handedOverMs = nowMs;
  }

  /** The centre has answered to all of it. `connectionWasKept`: no handshake was needed. */
  answered(upload: Upload, connectionWasKept: boolean): void {
    const nowMs = this.#now();
    const ownMs = Math.max(1, nowMs - upload.handedOverMs);
    if (upload.bytes <= ROUND_TRIP_UP_TO_BYTES && connectionWasKept) {
      this.#roundTripMs = Math.min(ownMs, this.#roundTripMs ?? ownMs);
    }
    if (upload.bytes >= MEASURE_FROM_BYTES) {
      this.#sample(upload, nowMs, ownMs);
      this.#lastAnswerMs = nowMs;
    } else {
      this.#bytesPerS = Math.max(this.#bytesPerS, (upload.bytes / ownMs) * 1000);
    }
    this.ended(upload);
  }

  /** It ended in another way, which says nothing about the rate. */
  ended(upload: Upload): void {
    if (!this.#inFlight.delete(upload)) return;
    let leftBytes = 0;
    for (const { bytes } of this.#inFlight) leftBytes += bytes;
    this.#busyUntilMs = Math.min(this.#busyUntilMs, this.#now() + this.#needsMs(leftBytes));
  }

  /**
   * It did not get through in time. Perhaps the link is dead; if it is only slow, the next one must be given longer, or
   * none would ever get through.
   */
  timedOut(upload: Upload): void {
    const seenBytesPerS = (upload.bytes / Math.max(1, this.#now() - upload.handedOverMs)) * 1000;
    const assumed = Math.min(this.#bytesPerS / SLOWER, Math.max(seenBytesPerS, this.#bytesPerS / SLOWER ** 2));
    this.#bytesPerS = Math.max(MIN_BYTES_PER_S, assumed);
    this.#isMeasured = true;
    this.#settledBytesPerS = undefined;
    this.#last = undefined;
    this.ended(upload);
  }

  #needsMs(bytes: number): number {
    return (bytes / this.#bytesPerS) * 1000;
  }

  #sample(upload: Upload, nowMs: number, ownMs: number): void {
    const pipeMs = Math.max(1, nowMs - Math.max(upload.handedOverMs, this.#lastAnswerMs));
    if (this.#last && pipeMs < TOGETHER_SHARE * ownMs) {
      this.#last = { bytes: this.#last.bytes + upload.bytes, durationMs: this.#last.durationMs + pipeMs };
    } else {
      if (this.#last) this.#settledBytesPerS = this.#bytesPerS;
      // Only a body that travelled alone paid for the round trip, too.
      const roundTripMs = upload.alone ? Math.min(this.#roundTripMs ?? 0, ownMs / 2) : 0;
      this.#last = { bytes: upload.bytes, durationMs: pipeMs - Math.min(roundTripMs, pipeMs / 2) };
    }
    this.#isMeasured = true;
    this.#bytesPerS = Math.max(MIN_BYTES_PER_S, averaged(this.#settledBytesPerS, this.#last));
  }
}

/** A geometric mean: a link that became ten times faster or slower is followed equally soon. */
function averaged(settledBytesPerS: number | undefined, { bytes, durationMs }: Sample): number {
  const sample = (bytes / durationMs) * 1000;
  return settledBytesPerS === undefined ? sample : settledBytesPerS ** (1 - WEIGHT) * sample ** WEIGHT;
}
