/** Who edits at the centre: the name in the header `X-Author`, since one token may serve several people. */
import type { Request } from 'express';
import { AppError } from '../../shared/app-error.js';

const DEFAULT_AUTHOR = 'admin';
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,64}$/u;
/** How edits made in a village are signed. */
const OF_A_VILLAGE = /^village:/i;

/** Throws `invalid_request` for a name that is none, or that is a village's. */
export function authorOf(request: Request): string {
  const given = request.get('X-Author');
  if (given === undefined) return DEFAULT_AUTHOR;
  // Node hands header bytes on as Latin-1, and clients send UTF-8.
  const author = Buffer.from(given, 'latin1').toString('utf8').trim();
  if (!PRINTABLE.test(author) || author.includes('\ufffd')) {
    throw new AppError('invalid_request', 'the header X-Author must be 1 to 64 printable characters in UTF-8');
  }
  if (!OF_A_VILLAGE.test(author)) return author;
  throw new AppError('invalid_request', 'the header X-Author must not name a village: this is an edit of the centre');
}
