/**
 * A page's login: a cookie that stands for one of the program's tokens, good for a week and for this token alone.
 *
 * The cookie names the role and is signed with a key made of that role's token. It holds nothing secret, so a restart
 * ends no session, another token ends them all, and the token itself never leaves the program. It counts for requests of
 * the program's own pages only: besides `SameSite=Strict`, whatever changes something must say that it comes from here.
 */
import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import { sameSecret } from '../credentials.js';
import { isOwnRequest } from './own-request.js';

const LASTS_MS = 7 * 86_400_000;

export interface PageSessionOptions<Role extends string> {
  /** Browsers keep one cookie of a name for all programs of a host, whatever their ports. */
  cookieName: string;
  /** The token of each role; roles are lower-case words. */
  tokens(): Readonly<Record<Role, string>>;
  now(): number;
}

export class PageSession<Role extends string> {
  readonly #options: PageSessionOptions<Role>;
  readonly #cookie: RegExp;

  constructor(options: PageSessionOptions<Role>) {
    this.#options = options;
    this.#cookie = new RegExp(`(?:^|; *)${options.cookieName}=(\\d{1,15})\\.([a-z]{1,16})\\.([\\w-]{43})(?:;|$)`);
  }

  /** Whose token this is; in a time that does not tell. */
  roleOf(given: string): Role | undefined {
    // All are compared, so that the time taken does not tell which one was closer.
    const found = this.#tokens().filter(([, token]) => sameSecret(given, token));
    return given === '' ? undefined : found[0]?.[0];
  }

  /** What `Set-Cookie` says after a login over `request`. */
  newCookie(role: Role, request: Request): string {
    const untilMs = this.#options.now() + LASTS_MS;
    const token = this.#options.tokens()[role];
    return this.#setCookie(`${untilMs}.${role}.${this.#signature(untilMs, role, token)}`, LASTS_MS / 1000, request);
  }

  /** Ends a session in the browser. */
  expiredCookie(request: Request): string {
    return this.#setCookie('', 0, request);
  }

  /** The role of a request of a page of ours with a session's cookie. */
  admits(request: Request): Role | undefined {
    const [, until, role, signature] = this.#cookie.exec(request.get('cookie') ?? '') ?? [];
    if (until === undefined || signature === undefined) return undefined;
    const leftMs = Number(until) - this.#options.now();
    // Further ahead than it lasts: given by a clock that was wrong.
    if (leftMs <= 0 || leftMs > LASTS_MS || !isOwnRequest(request)) return undefined;
    const [name, token] = this.#tokens().find(([one]) => one === role) ?? [];
    if (name === undefined || token === undefined) return undefined;
    return sameSecret(signature, this.#signature(Number(until), name, token)) ? name : undefined;
  }

  #tokens(): [Role, string][] {
    return Object.entries(this.#options.tokens()) as [Role, string][];
  }

  #setCookie(value: string, maxAgeS: number, { secure }: Request): string {
    const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}${secure ? '; Secure' : ''}`;
    return `${this.#options.cookieName}=${value}; ${attributes}`;
  }

  #signature(untilMs: number, role: Role, token: string): string {
    const key = createHmac('sha256', token).update(this.#options.cookieName).digest();
    return createHmac('sha256', key).update(`${untilMs}.${role}`).digest('base64url');
  }
}
