/** Lets pieces of work run at the same time unless they name the same key; those take turns in order of arrival. */
export class OverlapTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everything before it that shares a key has ended. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = new Set(keys.flatMap((key) => this.#last.get(key) ?? []));
    const turn = Promise.allSettled(before).then(work);
    for (const key of keys) this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      for (const key of keys) if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
