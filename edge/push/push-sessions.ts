/**
 * The session with the centre as it is kept between runs: dropped at every failure but a broken link, and at every forced
 * run, which proves anew what the centre holds and therefore notices one that was wiped or restored.
 */
import type { Logger } from '../../shared/logger.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Segment } from '../ledger/segment.js';
import { LinkError } from '../link/link-error.js';
import type { Centre } from './centre.js';
import type { CentreAudit } from './centre-audit.js';
import type { DeliveryProof } from './delivery-proof.js';
import { PushSession } from './push-session.js';

export interface PushSessionsOptions {
  ledger: Pick<Ledger, 'segments'>;
  centre: Centre;
  proof: DeliveryProof;
  audit: CentreAudit;
  log: Logger;
  isFlooded(): boolean;
  /** Canonical instant. */
  nowText(): string;
}

export class PushSessions {
  readonly #options: PushSessionsOptions;
  /** By segment: documents there were when this process began, which an earlier one may have sent. */
  readonly #foundAtStart: ReadonlyMap<number, number>;
  /** By segment: up to where documents were handed over in sessions that have ended. */
  readonly #touched = new Map<number, number>();
  #session: PushSession | undefined;

  constructor(options: PushSessionsOptions) {
    this.#options = options;
    this.#foundAtStart = new Map(options.ledger.segments.map(({ number, count }) => [number, count]));
  }

  get current(): PushSession | undefined {
    return this.#session;
  }

  /** Nothing was heard of the centre since the link broke, or ever. */
  get isAway(): boolean {
    return this.#session === undefined || this.#session.interrupted;
  }

  /** Goes on with the one there is, where it is the same centre, and `fresh` not wanted. Throws LinkError. */
  async open(fresh: boolean, signal: AbortSignal): Promise<PushSession> {
    if (fresh) this.leave();
    if (this.#session && !this.#session.interrupted) return this.#session;
    const { centre, proof, audit, log, isFlooded, nowText } = this.#options;
    const identity = await centre.identify(signal);
    const known = this.#session?.identity;
    if (this.#session && JSON.stringify(known) === JSON.stringify(identity)) {
      this.#session.interrupted = false;
      return this.#session;
    }
    this.leave();
    const session = new PushSession({
      ...{ identity, centre, proof, log, isFlooded, nowText },
      touchedUpTo: (segment) => this.#touchedUpTo(segment, identity.receipts),
    });
    centre.forgetWitnesses();
    await audit.begin(session, signal);
    this.#session = session;
    return session;
  }

  /**
   * What a failure makes doubtful. A link that broke says nothing about what the centre holds: of the same centre only
   * what was on its way is asked for, or a link that breaks every minute would be spent on asking. After any other
   * failure everything is asked anew.
   */
  doubt(error: unknown, calledOff: boolean): void {
    this.#session?.rewind();
    if (calledOff) return;
    if (this.#session && error instanceof LinkError && error.linkDown) this.#session.interrupted = true;
    else this.leave();
  }

  leave(): void {
    this.#session?.rewind();
    for (const [number, localSeq] of this.#session?.touched() ?? []) {
      this.#touched.set(number, Math.max(localSeq, this.#touched.get(number) ?? 0));
    }
    this.#session = undefined;
  }

  /** Undefined for a segment of which nothing can have been sent. */
  #touchedUpTo({ number }: Segment, proves: boolean): number | undefined {
    const touched = this.#touched.get(number);
    const found = this.#foundAtStart.get(number);
    if (touched === undefined && found === undefined) return undefined;
    // A proof of what an earlier process may have sent is one request; asking for each document is not.
    return Math.max(touched ?? 0, proves ? (found ?? 0) : 0);
  }
}
