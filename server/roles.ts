/**
 * Who is asking: a village (HTTP Basic with its credential), an analyst or an admin (bearer token, or Basic with that
 * name and the token as password, so that CouchDB tools work; or the cookie of a login to the dashboard, which counts where
 * nothing else is given). Decided once per request, before its body is read.
 */
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../shared/app-error.js';
import { basicCredentials, bearerToken, sameSecret } from '../shared/http/credentials.js';
import type { LoginGuard } from '../shared/http/login-guard.js';
import type { FleetSession } from './dashboard/fleet-page.js';
import type { ContactLog } from './gateway/contact-log.js';
import type { VillageDirectory } from './gateway/village-directory.js';
import type { Tokens } from './tokens.js';

export type Caller = { role: 'admin' } | { role: 'analyst' } | { role: 'village'; village: string };
export type Role = Caller['role'];

/** Names no village can have: they are users of their own. */
export const RESERVED_USERS: ReadonlySet<string> = new Set(['admin', 'analyst']);

export interface RolesOptions {
  tokens(): Tokens;
  directory: VillageDirectory;
  contacts: ContactLog;
  guard: LoginGuard;
  session: FleetSession;
}

/** A page's requests must not make the browser ask for a name and a password by itself. */
const PAGE_CHALLENGE = 'Bearer';
const CHALLENGE = 'Basic realm="solar-central", charset="UTF-8"';

export class Roles {
  readonly #options: RolesOptions;

  constructor(options: RolesOptions) {
    this.#options = options;
  }

  /** Lets the named roles pass; no or wrong credentials are a 401, another role a 403. */
  require(...allowed: readonly Role[]): RequestHandler {
    return async (request, response, next) => {
      const caller = await this.#identify(request);
      if (!caller) {
        response.set('WWW-Authenticate', isOfPage(request) ? PAGE_CHALLENGE : CHALLENGE);
        const isNamed = request.headers.authorization !== undefined;
        throw new AppError('unauthorized', isNamed ? refusalOf(request) : 'A name and password are needed.');
      }
      if (!allowed.includes(caller.role)) {
        throw new AppError(
          'forbidden',
          `this is not for ${caller.role === 'village' ? 'villages' : `the ${caller.role}`}`,
        );
      }
      response.locals.caller = caller;
      next();
    };
  }

  async #identify(request: Request): Promise<Caller | undefined> {
    const header = request.headers.authorization;
    const role = header === undefined ? this.#options.session.admits(request) : undefined;
    if (role !== undefined) return { role };
    const token = bearerToken(header);
    const login = token === undefined ? basicCredentials(header) : { user: '', password: token };
    if (!login) return undefined;
    const { guard } = this.#options;
    const address = request.ip ?? '';
    const { user, password } = login;
    const waitS = guard.waitS(address, user, password);
    if (waitS > 0) {
      throw new AppError('too_many_requests', 'too many logins from this address have failed', { retryAfterS: waitS });
    }
    const caller = token === undefined ? await this.#named(user, password) : roleOfToken(token, this.#options.tokens());
    if (caller) guard.succeeded(user, password);
    else guard.failed(address, user, password);
    return caller;
  }

  async #named(user: string, password: string): Promise<Caller | undefined> {
    const { tokens, directory, contacts } = this.#options;
    const name = user.toLowerCase();
    if (RESERVED_USERS.has(name)) {
      const caller = roleOfToken(password, tokens());
      return caller?.role === name ? caller : undefined;
    }
    const found = await directory.authenticate(user, password);
    if (found.ok) return { role: 'village', village: found.village };
    if (found.village !== undefined) contacts.note(found.village, { succeeded: false, documents: false, status: 401 });
    return undefined;
  }
}

function refusalOf({ headers }: Request): string {
  const isToken = bearerToken(headers.authorization) !== undefined;
  return isToken ? 'The token is incorrect.' : 'Name or password is incorrect.';
}

/** True for what the dashboard's scripts ask. */
function isOfPage(request: Request): boolean {
  return request.get('x-requested-with') === 'dashboard';
}

function roleOfToken(token: string, tokens: Tokens): Caller | undefined {
  // Both are always compared, so that the time taken does not tell which one was closer.
  const isAdmin = sameSecret(token, tokens.admin);
  const isAnalyst = sameSecret(token, tokens.analyst);
  if (isAdmin) return { role: 'admin' };
  return isAnalyst ? { role: 'analyst' } : undefined;
}

/** The caller a `require` before has let pass. */
export function callerOf(response: Response): Caller {
  return response.locals.caller as Caller;
}

/** The village that is asking; only behind `require('village')`. */
export function villageOf(response: Response): string {
  const caller = callerOf(response);
  if (caller.role === 'village') return caller.village;
  throw new AppError('forbidden', 'this is for villages only');
}
