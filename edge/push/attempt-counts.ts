/** How often pushes ended in which way, since the start: for metrics and stats. The words are few and fixed. */
import { LinkError, type LinkTag } from '../link/link-error.js';

/** `STORE_ERROR` is this node's own trouble, such as its disk. */
export type AttemptResult = 'ok' | LinkTag | 'STORE_ERROR';

export const ATTEMPT_RESULTS: readonly AttemptResult[] = [
  ...(['ok', 'TIMEOUT', 'CONNECTION_ERROR', 'DNS_ERROR', 'TLS_ERROR'] as const),
  ...(['HTTP_ERROR', 'REQUEST_ERROR', 'STORE_ERROR'] as const),
];

export class AttemptCounts {
  readonly #counts = new Map<AttemptResult, number>();

  /** Those that were not called off. */
  ended(error?: unknown): void {
    const result = error === undefined ? 'ok' : error instanceof LinkError ? error.tag : 'STORE_ERROR';
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1);
  }

  /** Only those there were. */
  get counts(): Partial<Record<AttemptResult, number>> {
    return Object.fromEntries(this.#counts);
  }
}
