/**
 * Edits devices of a village's registry at one of the two sides, and remembers what was acknowledged. Each side edits
 * devices of its own, so that no edit can conflict with another.
 */
import type { RegistryView } from '../../shared/registry/registry-view.js';

export interface RegistrySide {
  name: 'edge' | 'centre';
  /** Where the registry is, `http://…/v1/registry` or `http://…/v1/villages/ID/registry`. */
  url: string;
  token?: string;
}

const TIMEOUT_MS = 5_000;

export class RegistryEditor {
  readonly #side: RegistrySide;
  /** The `serial` last acknowledged, by device. */
  readonly #serials = new Map<string, string>();
  /** Devices whose last edit may or may not have been stored. */
  readonly #doubtful = new Set<string>();
  readonly #refusals: string[] = [];
  #edits = 0;
  #acknowledged = 0;

  constructor(side: RegistrySide) {
    this.#side = side;
  }

  /** Edits acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Edits answered with a 4xx: nobody else edits these devices, so none may be. */
  get refusals(): readonly string[] {
    return this.#refusals;
  }

  /** Gives the device another serial number; a side that cannot be asked now, or refuses, leaves it for another time. */
  async edit(device: number): Promise<void> {
    const id = `${this.#side.name}-${device}`;
    const serial = String(++this.#edits);
    try {
      const before = await this.#ask(id);
      // The answer that there is none has a tag as well.
      const etag = before.ok ? before.headers.get('etag') : null;
      const body = JSON.stringify({ model: 'M1', role: 'customer', serial });
      this.#doubtful.add(id);
      const answer = await this.#ask(id, { method: 'PUT', body }, etag);
      if (answer.ok) {
        this.#serials.set(id, serial);
        this.#doubtful.delete(id);
        this.#acknowledged++;
      } else if (answer.status < 500) {
        this.#refusals.push(`the ${this.#side.name} refused an edit of ${id}: ${answer.status} ${await answer.text()}`);
      }
    } catch {
      // Killed before, while or after it was stored.
    }
  }

  /** What of the acknowledged edits the devices of a list do not show. */
  missingIn(items: readonly RegistryView[]): string[] {
    const shown = new Map(items.map((item) => [item._id, item.serial]));
    return [...this.#serials].flatMap(([id, serial]) => {
      const there = shown.get(`device:${id}`);
      if (there === serial || (this.#doubtful.has(id) && there !== undefined)) return [];
      return [`device ${id} has serial ${String(there)}, and ${serial} was acknowledged by the ${this.#side.name}`];
    });
  }

  /** All devices this side shows. */
  async list(): Promise<RegistryView[]> {
    const answer = await this.#ask('');
    if (!answer.ok) throw new Error(`the registry of the ${this.#side.name} answered ${answer.status}`);
    return ((await answer.json()) as { items: RegistryView[] }).items;
  }

  async #ask(id: string, init: RequestInit = {}, etag: string | null = null): Promise<Response> {
    const { url, token } = this.#side;
    const headers: Record<string, string> = { 'Content-Type': 'application/json' };
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    if (etag !== null) headers['If-Match'] = etag;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(`${url}/device${id === '' ? '' : `/${id}`}`, { ...init, headers, signal });
    const body = await answer.arrayBuffer();
    return new Response(answer.status === 204 ? null : body, { status: answer.status, headers: answer.headers });
  }
}
