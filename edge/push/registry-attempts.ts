/**
 * The registry's part in a forced replication: one round each attempt, and what it came to for the edits made here before
 * the call.
 */
import { LinkError } from '../link/link-error.js';
import { NoRegistryAtCentre } from '../registry/registry-rounds.js';
import type { RegistrySync } from '../registry/registry-sync.js';
import { type FailedAttempt, failedAttempt, type OneShotError } from './one-shot-error.js';

export type ForcedRegistrySync = Pick<RegistrySync, 'sync' | 'countPending' | 'refused'>;

const SHOWN = 3;

export class RegistryAttempts {
  readonly #registry: ForcedRegistrySync;
  readonly #refusedBefore: ReadonlySet<string>;
  #isDelivered = false;
  #error: OneShotError | undefined;
  #failure: FailedAttempt | undefined;
  #failureOfAll: FailedAttempt | undefined;

  constructor(registry: ForcedRegistrySync) {
    this.#registry = registry;
    this.#refusedBefore = new Set(registry.refused);
  }

  /** Never rejects. */
  async attempt(): Promise<void> {
    if (this.#isDelivered && this.#error === undefined) return;
    this.#error = undefined;
    this.#failure = undefined;
    this.#failureOfAll = undefined;
    try {
      await this.#registry.sync();
      this.#isDelivered = true;
    } catch (error) {
      const failed = failedAttempt(error);
      if (isOfAll(error)) this.#failureOfAll = failed;
      this.#error = error instanceof NoRegistryAtCentre ? undefined : failed.error;
      // What nobody could take is not undelivered.
      const isHarmless = error instanceof NoRegistryAtCentre || (await this.#hasNothingPending());
      this.#isDelivered = isHarmless;
      this.#failure = isHarmless ? undefined : failed;
    }
  }

  /** Everything edited here before the call is at the centre, refused, or of no use to it. */
  get isDelivered(): boolean {
    return this.#isDelivered;
  }

  /** Of the last attempt, where something edited here is left. */
  get failure(): FailedAttempt | undefined {
    return this.#failure;
  }

  /** Of the last attempt, where nothing else will fare better: there is no link, or the credential is refused. */
  get failureOfAll(): FailedAttempt | undefined {
    return this.#failureOfAll;
  }

  /** Of the last attempt. */
  get error(): OneShotError | undefined {
    return this.#error;
  }

  /** What the centre has refused since the call began. */
  get refusal(): OneShotError | undefined {
    const refused = this.#registry.refused.filter((id) => !this.#refusedBefore.has(id));
    if (refused.length === 0) return undefined;
    const names = refused.slice(0, SHOWN).join(', ') + (refused.length > SHOWN ? ', …' : '');
    const message = `the centre refused ${refused.length} of the registry (${names}); the status says why`;
    return { code: 'refused', retryable: false, message };
  }

  async #hasNothingPending(): Promise<boolean> {
    // What cannot be counted may be there.
    return (await this.#registry.countPending().catch(() => 1)) === 0;
  }
}

/** Not a timeout, which one request may meet and another not. */
function isOfAll(error: unknown): boolean {
  if (!(error instanceof LinkError)) return false;
  return error.tag === 'CONNECTION_ERROR' || error.tag === 'DNS_ERROR' || error.status === 401;
}
