/** Cursors of `/v1/changes`: a position and the database it belongs to, as text that says nothing to others. */
import { AppError } from '../../shared/app-error.js';
import { cursorFrom, cursorParts } from './cursor-parts.js';

export function cursorOf(identity: string, position: string): string {
  return cursorFrom([identity, position]);
}

/** The position in a cursor. Throws `invalid_request` for one of another database, or none at all. */
export function positionIn(cursor: string, identity: string): string {
  const [database, position] = cursorParts(cursor);
  if (typeof database !== 'string' || typeof position !== 'string') {
    throw new AppError('invalid_request', 'the parameter since is not a cursor this program gave');
  }
  if (database === identity) return position;
  throw new AppError(
    'invalid_request',
    'the parameter since is a cursor of another database, or of this one before it was made anew; begin again without it',
  );
}
