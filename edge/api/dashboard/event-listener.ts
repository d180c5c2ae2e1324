/** One who listens to events: each is sent at once, compressed where that is taken. */
import zlib from 'node:zlib';
import type { Request, Response } from 'express';

/** Less memory for each listener than zlib's 256 KiB, and what one reading says like the one before is still found. */
const GZIP: zlib.ZlibOptions = { flush: zlib.constants.Z_SYNC_FLUSH, level: 5, windowBits: 13, memLevel: 7 };

export class EventListener {
  readonly #request: Request;
  readonly #response: Response;
  #gzip: zlib.Gzip | undefined;

  constructor(request: Request, response: Response) {
    this.#request = request;
    this.#response = response;
  }

  /** The listener is gone, or was let go. */
  onClosed(closed: () => void): void {
    this.#response.once('close', closed);
  }

  /** Sends the headers. */
  begin(): void {
    this.#response.status(200).set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    this.#response.vary('Accept-Encoding');
    if (this.#request.acceptsEncodings('gzip') === 'gzip') this.#gzip = this.#compressed();
    this.#response.flushHeaders();
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  /** Written and not read. */
  get waitingBytes(): number {
    const { writableLength = 0, readableLength = 0 } = this.#gzip ?? {};
    return this.#response.writableLength + writableLength + readableLength;
  }

  write(text: string): void {
    (this.#gzip ?? this.#response).write(text);
  }

  end(): void {
    (this.#gzip ?? this.#response).end();
  }

  destroy(): void {
    this.#response.destroy();
  }

  #compressed(): zlib.Gzip {
    const gzip = zlib.createGzip(GZIP);
    this.#response.set('Content-Encoding', 'gzip');
    // What is written to somebody who has just gone.
    gzip.on('error', () => undefined);
    this.#response.once('close', () => gzip.destroy());
    gzip.pipe(this.#response);
    return gzip;
  }
}
