/**
 * What replication has stored here: joined with what was edited here, and told of. What cannot be joined is joined later,
 * and keeps nothing else from its way.
 */
import { messageOf } from '../../shared/app-error.js';
import type { EdgeRegistry } from './edge-registry.js';

export class Arrivals {
  readonly #registry: EdgeRegistry;
  /** Stored and not dealt with. */
  #stored: string[] = [];
  #unjoined: readonly string[] = [];
  #problem: string | undefined;

  constructor(registry: EdgeRegistry) {
    this.#registry = registry;
  }

  /** Why some could not be joined, since `begin`. */
  get problem(): string | undefined {
    return this.#problem;
  }

  begin(): void {
    this.#problem = undefined;
    this.#stored = [];
  }

  stored(ids: readonly string[]): void {
    this.#stored.push(...ids);
  }

  /** Never rejects. */
  async joinStored(): Promise<void> {
    const ids = [...new Set(this.#stored)];
    this.#stored = [];
    if (ids.length === 0) return;
    await this.#join([...new Set([...this.#unjoined, ...ids])]);
    this.#registry.noteReplicated(ids);
  }

  /** Also what an earlier process has stored. Never rejects. */
  joinAll(): Promise<void> {
    return this.#join(undefined);
  }

  async #join(ids: readonly string[] | undefined): Promise<void> {
    try {
      await this.#registry.registry.tend(ids);
      this.#unjoined = [];
    } catch (error) {
      this.#unjoined = ids ?? this.#unjoined;
      this.#problem = messageOf(error);
    }
  }
}
