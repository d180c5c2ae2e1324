/** Telling requests of a program's own pages from those that other sites' pages make a browser send. */
import type { Request } from 'express';
import { AppError } from '../../app-error.js';

/**
 * True for a request that a page of this very host made. Browsers name the origin of everything but plain reads, and
 * where they name it for those it has to be right as well.
 */
export function isOwnRequest(request: Request): boolean {
  const site = request.get('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const origin = request.get('origin');
  if (origin === undefined) return request.method === 'GET' || request.method === 'HEAD';
  return hostOf(origin) === request.get('host');
}

/** Programs name no origin, and have no cookie that somebody else's page could make use of. Throws `forbidden`. */
export function assertOwnRequest(request: Request): void {
  if (request.get('origin') !== undefined && !isOwnRequest(request)) {
    throw new AppError('forbidden', 'this request came from a page of another site');
  }
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
