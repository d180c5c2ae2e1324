/** A centre that holds documents and cannot prove it yet: its index follows what it has taken. */
import { LinkError } from '../link/link-error.js';

export function isNotYet(error: unknown): boolean {
  return error instanceof LinkError && error.status === 503;
}
