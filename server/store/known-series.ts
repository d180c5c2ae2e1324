/**
 * Series found before, by the scope they were found below, so that they are found again with one question each. Never taken
 * for what there is now: a search still looks between them. The scopes not asked for longest are forgotten first.
 */

/** In all scopes together: some 10 MB. */
const MAX_PREFIXES = 100_000;

export class KnownSeries {
  readonly #maxPrefixes: number;
  /** Prefixes in order; the scope asked for last is the last one. */
  readonly #scopes = new Map<string, readonly string[]>();
  #count = 0;

  constructor(maxPrefixes = MAX_PREFIXES) {
    this.#maxPrefixes = maxPrefixes;
  }

  below(scope: string): readonly string[] {
    return this.#scopes.get(scope) ?? [];
  }

  keep(scope: string, prefixes: readonly string[]): void {
    this.#forget(scope);
    this.#scopes.set(scope, prefixes);
    this.#count += prefixes.length;
    for (const oldest of this.#scopes.keys()) {
      if (this.#count <= this.#maxPrefixes) return;
      this.#forget(oldest);
    }
  }

  #forget(scope: string): void {
    this.#count -= this.below(scope).length;
    this.#scopes.delete(scope);
  }
}
