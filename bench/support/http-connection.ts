/**
 * One keep-alive HTTP/1.1 connection that costs the load generator little: whole requests out, one at a time, and
 * answers with a `Content-Length` in. Made for our own servers on loopback; anything else it does not understand is an
 * error.
 */
import net from 'node:net';

export interface HttpAnswer {
  status: number;
  body: Buffer;
}

interface Waiting {
  resolve(answer: HttpAnswer): void;
  reject(error: Error): void;
}

const HEADER_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;

export class HttpConnection {
  readonly #socket: net.Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  static open(url: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), hostname);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new HttpConnection(socket));
      });
    });
  }

  /** Sends one whole request; the next may follow when its answer is there. */
  send(request: Buffer): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#waiting) return reject(new Error('a request is under way on this connection'));
      if (this.#socket.destroyed) return reject(new Error('the server closed the connection while nobody used it'));
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headerBytes = this.#received.indexOf(HEADER_END);
    if (headerBytes < 0) return;
    const head = this.#received.toString('latin1', 0, headerBytes);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) this.#fail(new Error(`an answer without Content-Length: ${head.split('\r\n')[0]}`));
    else this.#takeAnswer(head, headerBytes + HEADER_END.length, Number(length));
  }

  #takeAnswer(head: string, bodyAt: number, length: number): void {
    const end = bodyAt + length;
    if (this.#received.length < end) return;
    const answer = { status: Number(head.slice(STATUS_AT, STATUS_AT + 3)), body: this.#received.subarray(bodyAt, end) };
    this.#received = this.#received.subarray(end);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#socket.destroy();
    waiting?.reject(error);
  }
}

/** The bytes of a POST. */
export function postRequest(url: string, contentType: string, body: string): Buffer {
  const { host, pathname } = new URL(url);
  const head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${contentType}`;
  return Buffer.from(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Throws with what the server said unless it answered 201. */
export function assertCreated({ status, body }: HttpAnswer): void {
  if (status !== 201) throw new Error(`answered ${status}: ${body.toString('utf8', 0, 500)}`);
}
