/** Tells those who wait for a database to change; a ring says "perhaps", and whoever hears it looks. */

interface Listener {
  ring(): void;
}

export class ChangeBell {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Databases somebody waits for. */
  get names(): string[] {
    return [...this.#listeners.keys()];
  }

  ring(name: string): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener.ring();
  }

  ringAll(): void {
    for (const name of this.names) this.ring(name);
  }

  /**
   * Resolves with true as soon as `hasChanged` does, which is asked at first and after each ring, and with false when
   * `signal` is aborted. Rings while it is being asked count.
   */
  async wait(name: string, signal: AbortSignal, hasChanged: () => Promise<boolean>): Promise<boolean> {
    let hasRung = false;
    let wake: () => void = () => undefined;
    const ring = () => {
      hasRung = true;
      wake();
    };
    const listener: Listener = { ring };
    signal.addEventListener('abort', ring);
    this.#add(name, listener);
    try {
      for (;;) {
        hasRung = false;
        if (signal.aborted) return false;
        if (await hasChanged()) return true;
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (hasRung || signal.aborted) resolve();
        });
      }
    } finally {
      signal.removeEventListener('abort', ring);
      this.#remove(name, listener);
    }
  }

  #add(name: string, listener: Listener): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  #remove(name: string, listener: Listener): void {
    const listeners = this.#listeners.get(name);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(name);
  }
}
