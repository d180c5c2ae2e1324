/** A village's own questions to its centre, past link and proxy. */
import { ProgramClient } from '../../shared/http/client.js';

export class VillageVoice {
  readonly #client: ProgramClient;
  readonly #headers: Record<string, string>;

  constructor(centreUrl: string, village: string, password: string) {
    this.#client = new ProgramClient({ url: centreUrl, peer: 'the centre' });
    const credentials = Buffer.from(`${village}:${password}`).toString('base64');
    this.#headers = { Authorization: `Basic ${credentials}`, 'Content-Type': 'application/json' };
  }

  async uuid(): Promise<string> {
    return (await this.#client.json<{ uuid: string }>('/', { headers: this.#headers })).uuid;
  }

  /** How many documents the centre holds, of any village. */
  async documentCount(): Promise<number> {
    return (await this.#client.json<{ doc_count: number }>('/telemetry', { headers: this.#headers })).doc_count;
  }

  /** Ids of those documents the centre does not hold in this revision. */
  async missing(documents: readonly { _id: string; _rev: string }[]): Promise<string[]> {
    const body = JSON.stringify(Object.fromEntries(documents.map(({ _id, _rev }) => [_id, [_rev]])));
    const init = { method: 'POST', headers: this.#headers, body };
    return Object.keys(await this.#client.json<object>('/telemetry/_revs_diff', init));
  }

  /** A checkpoint by its path, with its revision; undefined where there is none. */
  async checkpoint(path: string): Promise<Record<string, unknown> | undefined> {
    return this.#client.json<Record<string, unknown>>(path, { headers: this.#headers }).catch(() => undefined);
  }

  async putCheckpoint(path: string, body: object): Promise<void> {
    await this.#client.json(path, { method: 'PUT', headers: this.#headers, body: JSON.stringify(body) });
  }
}
