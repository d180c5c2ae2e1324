/**
 * Credentials of villages: made, hashed and verified.
 *
 * A credential is 24 random bytes, 192 bits. Slow hashes (bcrypt, PBKDF2) exist to make guessing of *people's*
 * passwords expensive; 2^192 random values cannot be guessed at any speed, so one salted SHA-256 protects as well and
 * costs microseconds at each request.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const CREDENTIAL_BYTES = 24;
const SALT_BYTES = 16;

/** A new credential, safe in URLs and headers. */
export function createCredential(): string {
  return randomBytes(CREDENTIAL_BYTES).toString('base64url');
}

/** What is kept: `sha256$<salt>$<hash>`, both base64url. */
export function hashCredential(credential: string): string {
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  return `sha256$${salt}$${Buffer.from(digest(salt, credential)).toString('base64url')}`;
}

/** Compared with where there is no village, so that its absence takes as long to find out as a wrong credential. */
export const HASH_OF_NOTHING = hashCredential(createCredential());

/** True when `credential` is the one behind `hash`, in a time that depends on neither. */
export function verifyCredential(credential: string, hash: string): boolean {
  const [scheme, salt = '', kept = ''] = hash.split('$');
  const given = digest(salt, credential);
  const expected = new Uint8Array(Buffer.from(kept, 'base64url'));
  return scheme === 'sha256' && expected.length === given.length && timingSafeEqual(given, expected);
}

function digest(salt: string, credential: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`${salt}:${credential}`, 'utf8').digest());
}
