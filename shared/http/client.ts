/**
 * A small client for the verbs that ask a running program: JSON in and out, failures as AppErrors that name the
 * address. Not the link layer: that is `edge/push/link.ts`, which is built for bad networks.
 */
import { AppError, codeOf, isErrorCode, messageOf } from '../app-error.js';

export interface ClientOptions {
  /** Origin of the program, such as `http://127.0.0.1:8080`. */
  url: string;
  token?: string | undefined;
  /** What to call it in messages: `the node`, `the centre`. */
  peer: string;
  /** Milliseconds until an answer must have begun. */
  timeoutMs?: number;
}

export interface RequestOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
}

export class ProgramClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get url(): string {
    return this.#options.url;
  }

  /**
   * The parsed JSON of a 2xx answer. Throws the AppError the program answered, or `unavailable` when nothing answers.
   */
  async json<T>(path: string, request: RequestOptions = {}): Promise<T> {
    const response = await this.fetch(path, request);
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw new AppError(
        'unavailable',
        `${this.#options.peer} at ${this.#options.url} gave an answer that is not JSON`,
        { cause: error },
      );
    }
  }

  /** The lines of an NDJSON answer, as they arrive. */
  async *lines<T>(path: string, request: RequestOptions = {}): AsyncGenerator<T> {
    const response = await this.fetch(path, request);
    let rest = '';
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.trim()) yield JSON.parse(line) as T;
      }
    } catch (error) {
      throw new AppError(
        'unavailable',
        `${this.#options.peer} at ${this.#options.url} broke off its answer: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    if (rest.trim()) yield JSON.parse(rest) as T;
  }

  /** A 2xx answer, body unread. */
  async fetch(path: string, { method = 'GET', headers = {}, body, signal }: RequestOptions = {}): Promise<Response> {
    const { url, token, peer, timeoutMs = 60_000 } = this.#options;
    const began = new AbortController();
    const timer = setTimeout(() => began.abort(), timeoutMs);
    let response: Response;
    try {
      response = await fetch(url + path, {
        method,
        headers: { ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { body }),
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, began.signal]) : began.signal,
      });
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      const why = began.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : messageOf(cause ?? error);
      throw new AppError(
        'unavailable',
        `${peer} at ${url} cannot be reached: ${why || codeOf(cause) || 'connection failed'}`,
        {
          cause: error,
        },
      );
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok) throw await this.#failure(response);
    return response;
  }

  async #failure(response: Response): Promise<AppError> {
    const { url, peer } = this.#options;
    const body = (await response.json().catch(() => undefined)) as { error?: Partial<AppError> } | undefined;
    const { code, message, details } = body?.error ?? {};
    if (typeof message === 'string' && typeof code === 'string') {
      const retryAfterS = Number(response.headers.get('retry-after')) || undefined;
      return new AppError(isErrorCode(code) ? code : 'internal', message, {
        ...(details ? { details } : {}),
        ...(retryAfterS ? { retryAfterS } : {}),
      });
    }
    return new AppError('unavailable', `${peer} at ${url} answered ${response.status} without saying why`);
  }
}
