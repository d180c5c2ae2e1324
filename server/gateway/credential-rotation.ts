/**
 * A village's credentials over time: a new one takes the place of the present one, which stays good for a while, so that
 * the new one can be carried to the village before the old one ends.
 *
 * Invariants: what ends, ends for good; a village that is disabled and let in again has its new credential alone.
 */
import { formatInstant } from '../../shared/time.js';
import type { VillageRecord } from '../store/contract.js';
import { verifyCredential } from './credential.js';

/** Hours the old credential stays good unless said otherwise. */
export const DEFAULT_OVERLAP_HOURS = 24;
export const MAX_OVERLAP_HOURS = 24 * 90;

/** Whoever loses what a rotation printed rotates again: the credential in use at the village must outlive that. */
const MAX_PREVIOUS = 4;
const MS_PER_HOUR = 3_600_000;

/** The record with another credential; the old ones stay good for `overlapHours` more at most, with 0 not at all. */
export function rotated(
  record: VillageRecord,
  credentialHash: string,
  { nowMs, overlapHours }: { nowMs: number; overlapHours: number },
): VillageRecord {
  const { disabledAt, previousCredentials = [], ...kept } = record;
  if (disabledAt !== undefined || overlapHours === 0) return { ...kept, credentialHash };
  const now = formatInstant(nowMs);
  const until = formatInstant(nowMs + overlapHours * MS_PER_HOUR);
  const earlier = previousCredentials
    .filter((one) => one.until > now)
    .map((one) => ({ ...one, until: one.until < until ? one.until : until }));
  const previous = [{ hash: record.credentialHash, until }, ...earlier].slice(0, MAX_PREVIOUS);
  return { ...kept, credentialHash, previousCredentials: previous };
}

/** True when the credential is the village's present one, or one that is still good. Takes the same time either way. */
export function isCredentialOf(record: VillageRecord, credential: string, nowMs: number): boolean {
  let isRight = verifyCredential(credential, record.credentialHash);
  for (const { hash, until } of record.previousCredentials ?? []) {
    const matches = verifyCredential(credential, hash);
    isRight ||= matches && nowMs < Date.parse(until);
  }
  return isRight;
}
