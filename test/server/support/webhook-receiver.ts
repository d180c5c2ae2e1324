/** What is told of alerts, on a free port: keeps what came, and answers as a test wants. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  path: string;
  headers: http.IncomingHttpHeaders;
  text: string;
  body: { id: string; at: string; alerts: Record<string, string>[] };
}

export class WebhookReceiver {
  readonly received: Received[] = [];
  /** Status of the next answers; `undefined` does not answer. */
  answer: () => number | undefined = () => 204;
  readonly #server = http.createServer((request, response) => void this.#take(request, response));

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Village and event of everything that came, in order. */
  get events(): string[] {
    return this.received.flatMap(({ body }) =>
      body.alerts.map(({ event, village, code }) => `${event} ${village} ${code}`),
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    this.received.push({ path: request.url ?? '', headers: request.headers, text, body: JSON.parse(text) });
    const status = this.answer();
    if (status === undefined) return;
    response.writeHead(status, status >= 300 && status < 400 ? { Location: `${this.url}/elsewhere` } : {}).end();
  }
}
