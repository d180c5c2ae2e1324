/**
 * The life of anything that runs: started once, stopped once, both idempotent. A group starts its members in order and
 * stops them in reverse; when one fails to start, those already started are stopped.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export class ServiceGroup implements Service {
  readonly name: string;
  readonly #members: readonly Service[];
  readonly #running: Service[] = [];
  #change: Promise<void> = Promise.resolve();

  constructor(name: string, members: readonly Service[]) {
    this.name = name;
    this.#members = members;
  }

  /** Starts the members that are not running. Rejects with the first member's error, after stopping the others. */
  start(): Promise<void> {
    return this.#serialise(() => this.#startAll());
  }

  /**
   * Stops what runs, last started first; every member is stopped even when one fails, and the first failure is thrown.
   */
  stop(): Promise<void> {
    return this.#serialise(() => this.#stopAll());
  }

  #serialise(work: () => Promise<void>): Promise<void> {
    this.#change = this.#change.then(work, work);
    return this.#change;
  }

  async #startAll(): Promise<void> {
    for (const member of this.#members) {
      if (this.#running.includes(member)) continue;
      try {
        await member.start();
        this.#running.push(member);
      } catch (error) {
        // The start's own failure is the one to tell; what goes wrong while backing out must not hide it.
        await this.#stopAll().catch(() => undefined);
        throw error;
      }
    }
  }

  async #stopAll(): Promise<void> {
    let firstFailure: { error: unknown } | undefined;
    for (let member = this.#running.pop(); member; member = this.#running.pop()) {
      try {
        await member.stop();
      } catch (error) {
        firstFailure ??= { error };
      }
    }
    if (firstFailure) throw firstFailure.error;
  }
}
