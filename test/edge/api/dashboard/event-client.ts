/** Listens to `GET /v1/events` as a browser does. */
import { waitFor } from '../../../support/wait-for.js';

export interface ServerEvent {
  name: string;
  // Whatever the node says.
  data: Record<string, unknown>;
}

export class EventClient {
  /** Everything heard so far. */
  readonly events: ServerEvent[] = [];
  /** Set when the node ended it, or the connection broke. */
  hasEnded = false;
  readonly response: Response;
  readonly #leaving: AbortController;
  readonly #reading: Promise<void>;

  private constructor(response: Response, leaving: AbortController) {
    this.response = response;
    this.#leaving = leaving;
    this.#reading = this.#read().finally(() => {
      this.hasEnded = true;
    });
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventClient> {
    const leaving = new AbortController();
    const response = await fetch(url, { headers, signal: leaving.signal });
    return new EventClient(response, leaving);
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
    await this.#reading;
  }

  named(name: string): Record<string, unknown>[] {
    return this.events.filter((event) => event.name === name).map(({ data }) => data);
  }

  /** Waits for an event of that name that `matches`. */
  until(name: string, matches: (data: Record<string, unknown>) => boolean = () => true) {
    return waitFor(() => this.named(name).find(matches), { what: `the event ${name}` });
  }

  async #read(): Promise<void> {
    let text = '';
    try {
      for await (const chunk of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // Left, or cut: `hasEnded` tells.
    }
  }

  #take(block: string): void {
    const match = /^event: (\w+)\ndata: (.*)$/.exec(block);
    if (match) this.events.push({ name: String(match[1]), data: JSON.parse(String(match[2])) });
  }
}
