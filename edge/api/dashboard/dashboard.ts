/** The node's dashboard, at `/`. */
import path from 'node:path';
import type { Router } from 'express';
import type { LoginGuard } from '../../../shared/http/login-guard.js';
import { pageRoutes } from '../../../shared/http/page/page-routes.js';
import { PageSession } from '../../../shared/http/page/page-session.js';
import { packageFolder } from '../../../shared/version.js';
import { DICTIONARIES } from '../../dashboard/words/words.js';

/** Where the build puts the page. */
export const PAGE_FOLDER = path.join(packageFolder, 'dist/edge/browser');

/** There is one token, and whoever has it may do everything. */
export type NodeSession = PageSession<'technician'>;

export interface DashboardOptions {
  village: string;
  /** Where the node has a token. */
  session: NodeSession | undefined;
  guard: LoginGuard;
}

export function nodeSession(token: string, now: () => number): NodeSession {
  return new PageSession({ cookieName: 'solar_session', tokens: () => ({ technician: token }), now });
}

/** At the root. */
export function dashboardRoutes({ village, session, guard }: DashboardOptions): Router {
  const hasLogin = session === undefined ? 'no' : 'yes';
  return pageRoutes({
    ...{ home: '/', folder: PAGE_FOLDER, dictionaries: DICTIONARIES, session, guard, tls: false },
    values: () => ({ village, subject: ` – ${village}`, hasLogin }),
  });
}
