/** Reading and comparing credentials without telling by the time taken how much of one was right. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** True when both texts are equal, in a time that depends on neither. */
export function sameSecret(given: string, expected: string): boolean {
  // Hashing first gives both sides one length, which timingSafeEqual asks for.
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** The token of `Authorization: Bearer …`. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(header ?? '')?.[1];
}

/** User and password of `Authorization: Basic …` (RFC 7617). */
export function basicCredentials(header: string | undefined): { user: string; password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
