/**
 * One direction of one connection through a simulated link: bytes wait for the shared rate, then for the delay, then
 * are passed on.
 *
 * Invariants: one queue and one timer, so that bytes keep their order however late a timer fires; the end of the source
 * is passed on after its last byte; no more is read from the source while the link has more than a few seconds of work,
 * or while the sink does not take what is due; a source that waits for other connections' work has a timer ahead of it.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../shared/time.js';
import type { SharedRate } from './shared-rate.js';

/** Payload of a full TCP segment on a path with a 1,440-byte limit, and what its headers add. */
export const SEGMENT_BYTES = 1400;
export const SEGMENT_OVERHEAD_BYTES = 40;

/** Estimated bytes on the wire for so many bytes of payload sent at once. */
export function wireBytes(payloadBytes: number): number {
  return payloadBytes + SEGMENT_OVERHEAD_BYTES * Math.ceil(payloadBytes / SEGMENT_BYTES);
}

const MAX_BACKLOG_MS = 3_000;
const RESUME_BACKLOG_MS = 1_500;
const MAX_QUEUED_BYTES = 1024 * 1024;

export interface PacedPipeOptions {
  source: Socket;
  sink: Socket;
  rate: SharedRate;
  /** Milliseconds from the end of sending to arrival. */
  delayMs: number;
  clock: Clock;
  /** Asked before bytes are passed on. */
  grant(bytes: number): Grant;
  /** Told what is passed on. */
  onPassed?: (bytes: Uint8Array) => void;
  /** Called when the last bytes that may pass have been handed to the system. */
  onExhausted(): void;
}

export interface Grant {
  /** How many of the bytes may pass. */
  bytes: number;
  /** No more may pass after these. */
  isLast: boolean;
}

interface Queued {
  /** Undefined: the end of the source. */
  bytes: Uint8Array | undefined;
  dueMs: number;
}

export class PacedPipe {
  readonly #options: PacedPipeOptions;
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #held = true;
  #closed = false;
  #sinkIsFull = false;
  #sourceIsPaused = false;
  /** How long the work of all connections keeps the source waiting. */
  #resumesInMs: number | undefined;

  constructor(options: PacedPipeOptions) {
    this.#options = options;
    const { source, sink } = options;
    source.on('data', (bytes: Uint8Array) => this.#accept(bytes));
    source.on('end', () => this.#enqueue(undefined));
    sink.on('drain', () => {
      this.#sinkIsFull = false;
      this.#work();
    });
    source.pause();
  }

  /** Bytes read from the source and not yet passed on. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Lets bytes flow; also after `hold`. */
  release(): void {
    this.#held = false;
    this.#work();
  }

  /** Reads nothing and passes nothing on until released. */
  hold(): void {
    this.#held = true;
    this.#options.source.pause();
    clearTimeout(this.#timer);
  }

  /** Drops what is queued; for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  #accept(bytes: Uint8Array): void {
    const step = this.#options.rate.isLimited ? SEGMENT_BYTES : bytes.length;
    for (let start = 0; start < bytes.length; start += step) this.#enqueue(bytes.subarray(start, start + step));
  }

  #enqueue(bytes: Uint8Array | undefined): void {
    if (this.#closed) return;
    const { rate, delayMs } = this.#options;
    const length = bytes?.length ?? 0;
    this.#queue.push({ bytes, dueMs: rate.reserve(wireBytes(length)) + delayMs });
    this.#queuedBytes += length;
    this.#work();
  }

  /** Passes on what is due, and sets the one timer for what comes next. */
  #work(): void {
    if (this.#held || this.#closed) return;
    clearTimeout(this.#timer);
    this.#passDue();
    if (this.#closed) return;
    this.#pauseOrResume();
    const nextMs = this.#nextWorkMs();
    if (nextMs === undefined) return;
    // Timers count whole milliseconds and may fire a little early.
    const waitMs = Math.max(1, Math.ceil(nextMs - this.#options.clock.monotonic()));
    this.#timer = setTimeout(() => this.#work(), waitMs);
  }

  #passDue(): void {
    const { sink, clock } = this.#options;
    const nowMs = clock.monotonic();
    for (let head = this.#queue[0]; head && head.dueMs <= nowMs && !this.#sinkIsFull; head = this.#queue[0]) {
      this.#queue.shift();
      if (head.bytes) this.#pass(head.bytes);
      else sink.end();
      if (this.#closed) return;
    }
  }

  #pass(bytes: Uint8Array): void {
    const { sink, grant, onPassed, onExhausted } = this.#options;
    this.#queuedBytes -= bytes.length;
    const granted = grant(bytes.length);
    if (granted.isLast) this.close();
    if (granted.bytes === 0) {
      onExhausted();
      return;
    }
    const passed = bytes.subarray(0, granted.bytes);
    onPassed?.(passed);
    const wrote = sink.write(passed, () => {
      if (granted.isLast) onExhausted();
    });
    this.#sinkIsFull = !wrote;
  }

  #pauseOrResume(): void {
    const { source, rate } = this.#options;
    const limitMs = this.#sourceIsPaused ? RESUME_BACKLOG_MS : MAX_BACKLOG_MS;
    // Looked at once: a moment later it may be below the limit, and nobody would resume what was paused for it.
    const { backlogMs } = rate;
    this.#resumesInMs = backlogMs > limitMs ? backlogMs - RESUME_BACKLOG_MS : undefined;
    this.#sourceIsPaused = this.#resumesInMs !== undefined || this.#queuedBytes > MAX_QUEUED_BYTES;
    if (this.#sourceIsPaused) source.pause();
    else source.resume();
  }

  /** When there is something to do next without anybody else's doing. */
  #nextWorkMs(): number | undefined {
    const passMs = this.#sinkIsFull ? undefined : this.#queue[0]?.dueMs;
    if (this.#resumesInMs === undefined) return passMs;
    return Math.min(passMs ?? Number.POSITIVE_INFINITY, this.#options.clock.monotonic() + this.#resumesInMs);
  }
}
