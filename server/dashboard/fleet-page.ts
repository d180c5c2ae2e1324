/** The fleet's dashboard, at `/dashboard`, for analysts and admins. */
import path from 'node:path';
import type { Router } from 'express';
import type { LoginGuard } from '../../shared/http/login-guard.js';
import { pageRoutes } from '../../shared/http/page/page-routes.js';
import { PageSession } from '../../shared/http/page/page-session.js';
import { packageFolder, version } from '../../shared/version.js';
import type { Tokens } from '../tokens.js';
import { DICTIONARIES } from './page/words/words.js';

/** Where the build puts the page. */
export const PAGE_FOLDER = path.join(packageFolder, 'dist/server/browser');

export type FleetSession = PageSession<keyof Tokens>;

export function fleetSession(tokens: () => Tokens, now: () => number): FleetSession {
  return new PageSession<keyof Tokens>({
    cookieName: 'solar_fleet_session',
    tokens: () => ({ admin: tokens().admin, analyst: tokens().analyst }),
    now,
  });
}

export interface FleetPageOptions {
  session: FleetSession;
  guard: LoginGuard;
  /** True where it is served over TLS. */
  tls: boolean;
}

/** At the root. */
export function fleetPageRoutes(options: FleetPageOptions): Router {
  return pageRoutes({
    ...{ ...options, home: '/dashboard', folder: PAGE_FOLDER, dictionaries: DICTIONARIES },
    // What the page shows an analyst has no buttons that are not for analysts; whether one may do it the API decides.
    values: (role) => ({ role: role ?? '', subject: '', version }),
  });
}
