/**
 * The routes of a program's dashboard: the page itself, its files below `/dashboard/`, and the login where there is one.
 *
 * Pages and files hold no data and are open; what the page shows it asks the API for. The language is the browser's.
 * Guesses at the token are limited by address.
 */
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { AppError } from '../../app-error.js';
import { methodNotAllowed } from '../errors.js';
import type { LoginGuard } from '../login-guard.js';
import { pageSecurityHeaders } from '../security-headers.js';
import { assertOwnRequest } from './own-request.js';
import type { PageSession } from './page-session.js';
import { PageTemplates, type PageTemplatesOptions } from './page-templates.js';

export interface PageRoutesOptions<Role extends string> extends PageTemplatesOptions {
  /** The page's own path. */
  home: '/' | '/dashboard';
  /** What stands in the places of its pages for whoever has this role; undefined for one who is not logged in. */
  values(role: Role | undefined): Readonly<Record<string, string>>;
  /** Absent where there is no login. */
  session: PageSession<Role> | undefined;
  guard: LoginGuard;
  /** True where it is served over TLS. */
  tls: boolean;
}

const LOGIN = '/dashboard/login';
const MAX_FORM_BYTES = 4_000;
const FOR_GOOD = 'public, max-age=31536000, immutable';
/** Failed logins of a page are counted under this name. */
const GUESSED = 'dashboard';

/** At the root. */
export function pageRoutes<Role extends string>(options: PageRoutesOptions<Role>): Router {
  const { home, session, values } = options;
  const templates = new PageTemplates(options);
  const headers = pageSecurityHeaders(options);
  const router = Router({ strict: true, caseSensitive: true });
  router
    .route(home)
    .get(headers, async (request, response) => {
      const role = session?.admits(request);
      const isIn = session === undefined || role !== undefined;
      await templates.send(request, response, { name: isIn ? 'index.html' : 'login.html', values: values(role) });
    })
    .all(methodNotAllowed('GET'));
  router
    .route(LOGIN)
    .post(headers, express.urlencoded({ limit: MAX_FORM_BYTES, extended: false }), login(templates, options))
    .all(methodNotAllowed('POST'));
  router
    .route('/dashboard/logout')
    .post((request, response) => {
      assertOwnRequest(request);
      if (session) response.set('Set-Cookie', session.expiredCookie(request));
      response.status(303).location(home).end();
    })
    .all(methodNotAllowed('POST'));
  router
    .route('/dashboard/:version/*name')
    .get(headers, async (request, response) => {
      const { version = '', name = [] } = request.params as { version?: string; name?: string[] };
      const files = await templates.files();
      const file = `/dashboard/${version}` === files.base ? files.get(name.join('/')) : undefined;
      if (!file || file.type.startsWith('text/html')) {
        throw new AppError('not_found', `there is nothing at ${request.method} ${request.path}`);
      }
      response.set('Cache-Control', FOR_GOOD);
      file.send(request, response);
    })
    .all(methodNotAllowed('GET'));
  return router;
}

function login<Role extends string>(
  templates: PageTemplates,
  { home, session, guard, values }: PageRoutesOptions<Role>,
): RequestHandler {
  const refuse = (request: Request, response: Response, message: string) =>
    templates.send(request, response, { name: 'login.html', values: values(undefined), message });
  return async (request, response) => {
    assertOwnRequest(request);
    if (session) {
      const { token: given } = (request.body ?? {}) as { token?: unknown };
      const token = typeof given === 'string' ? given.trim() : '';
      const address = request.ip ?? '';
      const waitS = guard.waitS(address, GUESSED, token);
      if (waitS > 0) {
        response.status(429).set('Retry-After', String(waitS));
        return refuse(request, response, 'login.wait');
      }
      const role = session.roleOf(token);
      if (role === undefined) {
        if (token !== '') guard.failed(address, GUESSED, token);
        response.status(401).set('WWW-Authenticate', 'Bearer');
        return refuse(request, response, 'login.failed');
      }
      guard.succeeded(GUESSED, token);
      response.set('Set-Cookie', session.newCookie(role, request));
    }
    response.status(303).location(home).end();
  };
}
