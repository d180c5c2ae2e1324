/** JSON is UTF-8 (RFC 8259): a body announced in another charset is refused, not guessed at. */
import { AppError } from '../app-error.js';

/** The refusal of a `Content-Type` that names a charset other than UTF-8; undefined for all others. */
export function foreignCharset(contentType: string): AppError | undefined {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1];
  if (charset === undefined || ['utf-8', 'utf8'].includes(charset.toLowerCase())) return undefined;
  return new AppError('unsupported_media_type', `the charset of the body must be utf-8, not ${charset}`);
}
