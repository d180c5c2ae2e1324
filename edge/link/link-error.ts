/** Failures of the link, sorted by what they say about it; the tags are part of the contract. */
import type { IncomingHttpHeaders } from 'node:http';
import { codeOf, messageOf } from '../../shared/app-error.js';

export type LinkTag = 'TIMEOUT' | 'CONNECTION_ERROR' | 'DNS_ERROR' | 'TLS_ERROR' | 'HTTP_ERROR' | 'REQUEST_ERROR';

export interface LinkErrorOptions {
  /** HTTP status, where there was an answer. */
  status?: number;
  /** Seconds the centre asked to wait. */
  retryAfterS?: number;
  /** Only a person can put it right, whatever the status. */
  blocks?: boolean;
  /** The answer said why in CouchDB's form, `{"error", "reason"}`. */
  explained?: boolean;
  /** The answer was longer than is read. */
  answerTooLong?: boolean;
  cause?: unknown;
}

/** What is told of a link error in the status, in the progress of a run and in logs. */
export interface LinkErrorReport {
  tag: LinkTag;
  status?: number;
  /** Whether trying the same again is worth it. */
  retryable: boolean;
  message: string;
}

const BLOCKING_STATUSES: ReadonlySet<number> = new Set([401, 403, 404, 409]);
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 409, 410, 411, 413, 414, 415, 422]);

export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly tag: LinkTag;
  readonly status: number | undefined;
  readonly retryAfterS: number | undefined;

  /** True when the centre refuses who we are or what it is asked for; only a person can put that right. */
  readonly blocks: boolean;

  /** False for a refusal that may come from anything on the way. */
  readonly explained: boolean;

  readonly #answerTooLong: boolean;

  constructor(tag: LinkTag, message: string, options: LinkErrorOptions = {}) {
    const { status, retryAfterS, blocks, explained = false, answerTooLong = false, cause } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.tag = tag;
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.explained = explained;
    this.#answerTooLong = answerTooLong;
    this.blocks = blocks ?? (status !== undefined && BLOCKING_STATUSES.has(status));
  }

  get retryable(): boolean {
    if (this.status !== undefined) return !FINAL_STATUSES.has(this.status) && (this.status < 300 || this.status >= 400);
    return true;
  }

  /** True when less at a time may be possible. */
  get isTooMuch(): boolean {
    return this.#answerTooLong || this.status === 413 || (this.status === 400 && this.explained);
  }

  /** True when no answer came at all: the link is away, not the centre unwilling. */
  get linkDown(): boolean {
    return this.tag === 'TIMEOUT' || this.tag === 'CONNECTION_ERROR' || this.tag === 'DNS_ERROR';
  }

  report(): LinkErrorReport {
    const { tag, status, retryable, message } = this;
    return { tag, ...(status === undefined ? {} : { status }), retryable, message };
  }
}

const CONNECTION_CODES: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'EHOSTUNREACH', 'EHOSTDOWN'],
  ...['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ENOTCONN'],
]);
const DNS_CODES: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME', 'EAI_FAIL']);
const TLS_CODE =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH)/;

/** The link error a failure of Node's HTTP client stands for. */
export function toLinkError(error: unknown, address: string): LinkError {
  if (error instanceof LinkError) return error;
  const code = codeOf(error) ?? '';
  const text = messageOf(error) || code;
  if (DNS_CODES.has(code))
    return new LinkError('DNS_ERROR', `the name in ${address} cannot be found (${code})`, { cause: error });
  if (TLS_CODE.test(code))
    return new LinkError('TLS_ERROR', `no secure connection to ${address}: ${text}`, { cause: error });
  if (code === 'ETIMEDOUT') return new LinkError('TIMEOUT', `no connection to ${address} in time`, { cause: error });
  if (CONNECTION_CODES.has(code) || /socket hang up|aborted|other side closed/i.test(text)) {
    return new LinkError('CONNECTION_ERROR', `no connection to ${address}: ${text}`, { cause: error });
  }
  return new LinkError('REQUEST_ERROR', `the exchange with ${address} failed: ${text}`, { cause: error });
}

/** What an answer with an error status, or a redirect, stands for; `what` names the request. */
export function httpError(
  { status, headers, json }: { status: number; headers: IncomingHttpHeaders; json: unknown },
  what: string,
  url: string,
): LinkError {
  const reason = textField(json, 'reason') ?? textField(json, 'message') ?? textField(json, 'error');
  const redirect = status < 400 ? '; redirects are not followed' : '';
  const retryAfterS = retryAfterOf(headers);
  return new LinkError('HTTP_ERROR', `${url} answered ${status} to ${what}${reason ? `: ${reason}` : ''}${redirect}`, {
    status,
    explained: textField(json, 'error') !== undefined,
    ...(retryAfterS > 0 ? { retryAfterS } : {}),
  });
}

/**
 * Seconds, 0 where nothing usable is said (RFC 9110, section 10.2.3). A date counts from the answer's own `Date`: the clocks of a village and of what
 * answers need not agree.
 */
function retryAfterOf({ 'retry-after': value = '', date }: IncomingHttpHeaders): number {
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : (Date.parse(value) - Date.parse(date ?? '')) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}

/** A short text field of a JSON answer; what a stranger answers may be anything of any length. */
function textField(json: unknown, name: string): string | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const value = (json as Record<string, unknown>)[name];
  return typeof value === 'string' ? value.slice(0, 200) : undefined;
}
