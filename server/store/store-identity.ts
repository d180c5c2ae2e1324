/**
 * The name of an embedded store towards replicators, in a file of its own. A store that may have lost something gets
 * another name: whoever had sent it documents then asks what it holds, and sends what is missing.
 */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { readFileIfPresent, writeFileDurably } from '../../shared/durable-file.js';

export class StoreIdentity {
  readonly #file: string;
  #uuid = '';

  constructor(folder: string) {
    this.#file = path.join(folder, 'uuid');
  }

  /** Empty until loaded. */
  get uuid(): string {
    return this.#uuid;
  }

  /** For the owner of the folder's lock alone: a store without a name is given one. */
  async load(): Promise<void> {
    this.#uuid = (await readFileIfPresent(this.#file))?.trim() ?? '';
    if (this.#uuid === '') await this.renew();
  }

  async renew(): Promise<void> {
    const uuid = randomUUID().replaceAll('-', '');
    await writeFileDurably(this.#file, `${uuid}\n`);
    this.#uuid = uuid;
  }
}
