/**
 * Requests that wait for a change of their village's registry (`feed=longpoll`). Each holds a connection and some hundred
 * bytes, and nothing of the database's. A village has four at most: with one more the oldest is answered. When the centre
 * stops, all are answered at once.
 */
import { AppError } from '../../shared/app-error.js';
import type { Service } from '../../shared/service.js';

const MAX_OF_VILLAGE = 4;

export interface WaitOptions {
  timeoutMs: number;
  /** Called every so often while it waits, where wanted. */
  heartbeat?: { everyMs: number; beat(): void } | undefined;
}

export interface RegistryWait {
  /** Aborted when the waiting is over without a change. */
  signal: AbortSignal;
  /** To be called once or more often, whatever came of it. */
  end(): void;
}

export class RegistryWaits implements Service {
  readonly name = 'registry waits';
  /** By village, the oldest first. */
  readonly #waits = new Map<string, Set<RegistryWait>>();
  #count = 0;
  #isStopped = false;

  async start(): Promise<void> {
    this.#isStopped = false;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const waits of this.#waits.values()) for (const wait of [...waits]) wait.end();
  }

  get count(): number {
    return this.#count;
  }

  /** Throws `unavailable` while the centre is being stopped. */
  begin(village: string, { timeoutMs, heartbeat }: WaitOptions): RegistryWait {
    if (this.#isStopped) throw new AppError('unavailable', 'the centre is being stopped', { retryAfterS: 2 });
    const over = new AbortController();
    const timer = setTimeout(() => wait.end(), timeoutMs);
    const beating = heartbeat && setInterval(() => heartbeat.beat(), heartbeat.everyMs);
    const wait: RegistryWait = {
      signal: over.signal,
      end: () => {
        clearTimeout(timer);
        clearInterval(beating);
        this.#remove(village, wait);
        over.abort();
      },
    };
    this.#add(village, wait);
    return wait;
  }

  #add(village: string, wait: RegistryWait): void {
    const waits = this.#waits.get(village) ?? new Set();
    this.#waits.set(village, waits.add(wait));
    this.#count++;
    const [oldest] = waits;
    if (waits.size > MAX_OF_VILLAGE) oldest?.end();
  }

  #remove(village: string, wait: RegistryWait): void {
    const waits = this.#waits.get(village);
    if (!waits?.delete(wait)) return;
    this.#count--;
    if (waits.size === 0) this.#waits.delete(village);
  }
}
