/** Edits of the registry past the node: made at the centre, and looked for there, as the village whose registry it is. */

import { childOf } from '../../shared/registry/leaf-join.js';
import type { LeafStore, NewLeaf } from '../../shared/registry/leaf-store.js';
import { Registry } from '../../shared/registry/registry.js';
import type { BenchCentre } from './bench-centre.js';
import type { BenchNode } from './bench-node.js';

export class CentreRegistry {
  readonly #centre: BenchCentre;
  readonly #registry: Registry;

  constructor(centre: BenchCentre) {
    this.#centre = centre;
    this.#registry = new Registry({ leaves: this.#onlyNew(), now: () => Date.now() });
  }

  /** Makes a device that must not be there; resolves when the centre has it. */
  async putDevice(id: string): Promise<void> {
    await this.#registry.put('device', id, DEVICE, { author: 'bench', ifMatch: undefined });
  }

  async holdsDevice(id: string): Promise<boolean> {
    const answer = await this.#ask(`/device:${id}?open_revs=all`);
    const leaves = answer.ok ? ((await answer.json()) as { ok?: object }[]) : [];
    return leaves.some(({ ok }) => ok !== undefined);
  }

  /** What a store is asked for when documents are made that nobody has yet. */
  #onlyNew(): LeafStore {
    return {
      leaves: async () => [],
      winners: async () => [],
      branched: async () => ({ ids: [], last: '0' }),
      put: async (id, parent, { deleted, body }) => {
        const leaf = childOf(id, parent, deleted, { ...body });
        await this.#send([leaf]);
        return `${leaf.generation}-${leaf.path[0]}`;
      },
      graft: (leaves) => this.#send(leaves),
    };
  }

  async #send(leaves: readonly NewLeaf[]): Promise<void> {
    const docs = leaves.map(({ id, generation, path, deleted, body }) => ({
      ...body,
      ...{ _id: id, _rev: `${generation}-${path[0]}`, _revisions: { start: generation, ids: path }, _deleted: deleted },
    }));
    const answer = await this.#ask('/_bulk_docs', { docs, new_edits: false });
    const refused = (await answer.json()) as unknown[];
    if (answer.status !== 201 || refused.length > 0)
      throw new Error(`the centre did not take ${JSON.stringify(refused)}`);
  }

  #ask(path: string, body?: object): Promise<Response> {
    const { url, user, password } = this.#centre;
    const headers = {
      Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      'Content-Type': 'application/json',
    };
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) };
    return fetch(`${url}/registry-${user}${path}`, init);
  }
}

const DEVICE = { model: 'M1', serial: '7', role: 'customer' };

/** Makes a device over the node's REST interface. */
export async function putDevice({ url }: BenchNode, id: string): Promise<void> {
  const init = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(DEVICE) };
  const answer = await fetch(`${url}/v1/registry/device/${id}`, init);
  await answer.arrayBuffer();
  if (answer.status !== 201) throw new Error(`the node answered ${answer.status} to a new device`);
}

export async function showsDevice({ url }: BenchNode, id: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/registry/device/${id}`);
  await answer.arrayBuffer();
  return answer.ok;
}
