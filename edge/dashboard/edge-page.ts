/** What every part of the node's page works with. */
import type { Page } from '../../shared/dashboard/page.js';
import type { WordKey } from './words/en.js';

export type EdgePage = Page<WordKey>;

/** What lies further ahead of the node's clock than any clock that is nearly right, as for the node itself. */
const AHEAD_MS = 600_000;

/** The last instant, in milliseconds since 1970, that a device's clock may tell by now. */
export function latestMs(page: EdgePage): number {
  return page.now() + AHEAD_MS;
}
