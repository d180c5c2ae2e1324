/**
 * Who is asking: a village (HTTP Basic with its credential), an analyst or an admin (bearer token, or Basic with that
 * name and the token as password, so that CouchDB tools work). Decided once per request, before its body is read.
 */
import type { RequestHandler, Response } from 'express';
import { AppError } from '../shared/app-error.js';
import { basicCredentials, bearerToken, sameSecret } from '../shared/http/credentials.js';
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
}

const CHALLENGE = 'Basic realm="solar-central", charset="UTF-8"';

export class Roles {
  readonly #options: RolesOptions;

  constructor(options: RolesOptions) {
    this.#options = options;
  }

  /** Lets the named roles pass; no or wrong credentials are a 401, another role a 403. */
  require(...allowed: readonly Role[]): RequestHandler {
    return async (request, response, next) => {
      const caller = await this.#identify(request.headers.authorization);
      if (!caller) {
        response.set('WWW-Authenticate', CHALLENGE);
        const isNamed = request.headers.authorization !== undefined;
        throw new AppError(
          'unauthorized',
          isNamed ? 'Name or password is incorrect.' : 'A name and password are needed.',
        );
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

  async #identify(header: string | undefined): Promise<Caller | undefined> {
    const tokens = this.#options.tokens();
    const bearer = bearerToken(header);
    if (bearer !== undefined) return roleOfToken(bearer, tokens);
    const basic = basicCredentials(header);
    if (!basic) return undefined;
    const user = basic.user.toLowerCase();
    if (RESERVED_USERS.has(user)) {
      const caller = roleOfToken(basic.password, tokens);
      return caller?.role === user ? caller : undefined;
    }
    const found = await this.#options.directory.authenticate(basic.user, basic.password);
    if (found.ok) return { role: 'village', village: found.village };
    if (found.village !== undefined) this.#options.contacts.note(found.village, { succeeded: false, documents: false });
    return undefined;
  }
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
