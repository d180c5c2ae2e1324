/**
 * One error class for everything a person or a program is told.
 *
 * Invariants: the message is one sentence that names the thing; the code is stable and the table below is the only
 * place that turns a code into an HTTP status and an exit code; no stack trace leaves the process through an AppError.
 */

/**
 * What each code means to the outside: HTTP status, exit code of a verb, and whether the same request may succeed
 * later.
 */
const TABLE = {
  invalid_request: { status: 400, exitCode: 2, retryable: false },
  unauthorized: { status: 401, exitCode: 3, retryable: false },
  forbidden: { status: 403, exitCode: 3, retryable: false },
  not_found: { status: 404, exitCode: 2, retryable: false },
  method_not_allowed: { status: 405, exitCode: 2, retryable: false },
  timeout: { status: 408, exitCode: 1, retryable: true },
  conflict: { status: 409, exitCode: 1, retryable: false },
  not_configured: { status: 409, exitCode: 2, retryable: false },
  precondition_failed: { status: 412, exitCode: 1, retryable: false },
  too_large: { status: 413, exitCode: 2, retryable: false },
  unsupported_media_type: { status: 415, exitCode: 2, retryable: false },
  usage: { status: 400, exitCode: 2, retryable: false },
  precondition_required: { status: 428, exitCode: 2, retryable: false },
  too_many_requests: { status: 429, exitCode: 1, retryable: true },
  in_use: { status: 503, exitCode: 2, retryable: true },
  busy: { status: 503, exitCode: 1, retryable: true },
  unavailable: { status: 503, exitCode: 1, retryable: true },
  storage_full: { status: 507, exitCode: 1, retryable: true },
  storage_failed: { status: 503, exitCode: 1, retryable: true },
  link: { status: 502, exitCode: 1, retryable: true },
  internal: { status: 500, exitCode: 1, retryable: false },
  not_implemented: { status: 501, exitCode: 2, retryable: false },
} as const;

/** Stable, machine-readable name of a kind of failure. */
export type ErrorCode = keyof typeof TABLE;

/** The code as answers name it: whoever asks too often and whoever finds the program busy are told the same. */
export type ShownCode = Exclude<ErrorCode, 'too_many_requests'>;

/** All codes that answers name. */
export const SHOWN_CODES: readonly ShownCode[] = [...new Set((Object.keys(TABLE) as ErrorCode[]).map(shownCode))];

export function shownCode(code: ErrorCode): ShownCode {
  return code === 'too_many_requests' ? 'busy' : code;
}

/** True for the codes of the table; what another program answers may be older or newer than we are. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(TABLE, code);
}

/** Where in a request something was wrong; `index` is the document's position from 0, `path` the field's name. */
export interface ErrorDetail {
  index?: number;
  path?: string;
  message: string;
}

export interface AppErrorOptions {
  details?: ErrorDetail[];
  /** Seconds after which trying again makes sense; becomes `Retry-After`. */
  retryAfterS?: number;
  retryable?: boolean;
  /** What an HTTP answer says in place of the message, where that is for the log of whoever runs the program. */
  told?: string;
  cause?: unknown;
}

/** A failure with a stable code and a sentence for people. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetail[] | undefined;
  readonly retryAfterS: number | undefined;
  readonly retryable: boolean;
  /** The sentence of an HTTP answer. */
  readonly told: string;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterS = options.retryAfterS;
    this.told = options.told ?? message;
    this.retryable = options.retryable ?? TABLE[code].retryable;
  }

  get status(): number {
    return TABLE[this.code].status;
  }

  get exitCode(): number {
    return TABLE[this.code].exitCode;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}

/** The `code` property Node, LevelDB and libraries put on their errors, if any. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
