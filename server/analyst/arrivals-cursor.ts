/** Cursors of `/v1/changes`: a position and the database it belongs to, as text that says nothing to others. */
import { AppError } from '../../shared/app-error.js';

export function cursorOf(identity: string, position: string): string {
  return Buffer.from(JSON.stringify([identity, position]), 'utf8').toString('base64url');
}

/** The position in a cursor. Throws `invalid_request` for one of another database, or none at all. */
export function positionIn(cursor: string, identity: string): string {
  const [database, position] = parsed(cursor);
  if (typeof database !== 'string' || typeof position !== 'string') {
    throw new AppError('invalid_request', 'the parameter since is not a cursor this program gave');
  }
  if (database === identity) return position;
  throw new AppError(
    'invalid_request',
    'the parameter since is a cursor of another database, or of this one before it was made anew; begin again without it',
  );
}

function parsed(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
