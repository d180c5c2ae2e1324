/** What no HTTP client sends: broken chunks, lying lengths, requests in crumbs. Spoken over sockets of their own. */
import net from 'node:net';
import type { SeededRandom } from '../../../sim/random.js';
import { pick, randomBytes } from './hostile-values.js';

const HEARD_FOR_MS = 500;

/** A request line, its headers and a body that contradict each other or HTTP. */
export function abuse(random: SeededRandom, authorization: string): Buffer {
  const start = `POST /telemetry/_bulk_docs HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n`;
  const json = '{"docs":[],"new_edits":false}';
  const bodies = [
    `${start}Transfer-Encoding: chunked\r\n\r\nzz\r\n${json}\r\n0\r\n\r\n`,
    `${start}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n${json}`,
    `${start}Transfer-Encoding: chunked\r\n\r\n5\r\n${json}\r\n0\r\n\r\n`,
    `${start}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
    `${start}Transfer-Encoding: gzip, chunked\r\nContent-Encoding: gzip\r\n\r\n1d\r\n${json}\r\n0\r\n\r\n`,
    `${start}Content-Length: -1\r\n\r\n${json}`,
    `${start}Content-Length: 99999999999999999999\r\n\r\n${json}`,
    `${start}Content-Length: 5\r\nContent-Length: 29\r\n\r\n${json}`,
    `${start}Content-Length: 29\r\nExpect: 100-continue\r\n\r\n${json}`,
    `${start}Content-Length: 29\r\nExpect: nonsense\r\n\r\n${json}`,
    `${start}Content-Length: 1000\r\n\r\n${json}`,
    `${start}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
    `${start}X\u0000: 1\r\n\r\n`,
    `${start}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`,
    `GET /telemetry/\u0000 HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /telemetry HTTP/9.9\r\n\r\n`,
    `CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /telemetry HTTP/1.1\r\n\r\n`,
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
  ];
  return random.chance(0.8) ? Buffer.from(pick(random, bodies), 'latin1') : randomBytes(random, 2000);
}

/** Sends the bytes and the end; what came back until the server ended, or until it had time enough to. */
export function speak(url: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), hostname);
    let heard = '';
    const timer = setTimeout(() => socket.destroy(), HEARD_FOR_MS);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      heard += chunk;
    });
    // A reset is as good an end as any: nothing was to be had here.
    socket.once('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(heard);
    });
    socket.end(bytes);
  });
}

/** A request of which a byte is sent now and then, and which never comes to its end. */
export class SlowRequest {
  readonly #socket: net.Socket;
  readonly #timer: NodeJS.Timeout;
  readonly #rest: Buffer;
  #sent = 0;
  heard = '';

  constructor(url: string, text: string, paceMs: number) {
    const { hostname, port } = new URL(url);
    this.#rest = Buffer.from(text, 'latin1');
    this.#socket = net.connect(Number(port), hostname);
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.heard += chunk;
    });
    this.#socket.once('error', () => undefined);
    this.#timer = setInterval(() => this.#crumb(), paceMs);
  }

  /** True while the server has not ended it. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #crumb(): void {
    if (this.#sent >= this.#rest.length - 1 || this.#socket.destroyed) return;
    this.#socket.write(this.#rest.subarray(this.#sent, this.#sent + 1));
    this.#sent++;
  }
}
