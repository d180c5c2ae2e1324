/** The link with somebody watching: every exchange, whoever makes it, says something about the link. */
import { Link, type LinkAnswer, type LinkOptions, type LinkRequest } from '../link/link.js';
import { LinkError, toLinkError } from '../link/link-error.js';

/** What an exchange told: the centre answered, there is no link to it, or nothing. */
export type ExchangeOutcome = 'answered' | 'nothing' | { away: LinkError };

/** Told of every exchange as it begins, and once as it ends. */
export interface ExchangeObserver {
  exchangeBegan(): void;
  exchangeEnded(outcome: ExchangeOutcome): void;
}

/** A portal that wants a login first (RFC 6585). */
const PORTAL_STATUS = 511;

export class ObservedLink extends Link {
  readonly #observer: ExchangeObserver;

  constructor(options: LinkOptions, observer: ExchangeObserver) {
    super(options);
    this.#observer = observer;
  }

  override async request(request: LinkRequest): Promise<LinkAnswer> {
    if (request.waits) return this.#waitFor(request);
    this.#observer.exchangeBegan();
    let outcome: ExchangeOutcome = 'nothing';
    try {
      const answer = await super.request(request);
      outcome = outcomeOf(request, answer, this.url);
      return answer;
    } catch (error) {
      if (!request.signal?.aborted) outcome = outcomeOfFailure(request, toLinkError(error, this.url));
      throw error;
    } finally {
      this.#observer.exchangeEnded(outcome);
    }
  }

  /**
   * It may take minutes, for which nobody is exchanging anything. That it broke off says little, since carriers and
   * proxies end what is quiet: whoever waited asks again, which tells.
   */
  async #waitFor(request: LinkRequest): Promise<LinkAnswer> {
    const answer = await super.request(request);
    this.#observer.exchangeBegan();
    this.#observer.exchangeEnded(outcomeOf(request, answer, this.url));
    return answer;
  }
}

/**
 * Only `GET /` tells the centre from a captive portal, which answers 200, too. An answer to another request that makes no
 * sense says nothing: were the link down for it, the next `GET /` would restore it, and the same would be sent again at
 * once.
 */
function outcomeOf(request: LinkRequest, { json }: LinkAnswer, url: string): ExchangeOutcome {
  if (!isIdentification(request)) return json === undefined ? 'nothing' : 'answered';
  if (isWelcome(json)) return 'answered';
  return { away: new LinkError('REQUEST_ERROR', `what answers at ${url} is neither a solar-central nor a CouchDB`) };
}

function outcomeOfFailure(request: LinkRequest, error: LinkError): ExchangeOutcome {
  const { linkDown, tag, status } = error;
  if (linkDown || tag === 'TLS_ERROR') return { away: error };
  const isElsewhere = status === undefined || status < 400 || status === PORTAL_STATUS;
  if (!isElsewhere) return 'answered';
  return isIdentification(request) ? { away: error } : 'nothing';
}

function isIdentification({ method, path }: LinkRequest): boolean {
  return method === 'GET' && path === '/';
}

function isWelcome(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false;
  const { couchdb, uuid } = json as { couchdb?: unknown; uuid?: unknown };
  return couchdb === 'Welcome' && typeof uuid === 'string';
}
