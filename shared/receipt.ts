/**
 * Receipts: what a holder of a node's telemetry says of a range of its numbers, in two numbers that anybody can compute
 * from the documents. One definition for both sides.
 *
 * `count` is how many documents there are; `checksum` is the sum over them of the first 8 hex digits of the revision's
 * hash, as unsigned 32-bit integers, modulo 2^53. Revisions come from the contents (`revision.ts`), so the same documents
 * are the same receipt, in whatever order they are added; a document that is missing beside one too many is noticed with
 * a chance of all but 1 in 2^32. Both are whole numbers from 0 to 2^53 - 1, exact in JSON.
 */
export interface Receipt {
  readonly count: number;
  readonly checksum: number;
}

/** Of no documents. */
export const EMPTY_RECEIPT: Receipt = { count: 0, checksum: 0 };

const MODULUS = 2 ** 53;
const DIGITS = 8;

/**
 * What one document adds: of the revision `1-89abcdef0123` the number 0x89abcdef. A hash of fewer digits is the number
 * these digits are (`1-ff` is 255); a revision without a hash of lower-case hex digits, which no store holds, is 0.
 */
export function checksumOf(revision: string): number {
  const start = revision.indexOf('-') + 1;
  const value = start === 0 ? Number.NaN : Number.parseInt(revision.slice(start, start + DIGITS), 16);
  return Number.isNaN(value) ? 0 : value;
}

/** The receipt of the documents of `receipt` and of one more. */
export function addToReceipt(receipt: Receipt, revision: string): Receipt {
  return { count: receipt.count + 1, checksum: addChecksums(receipt.checksum, checksumOf(revision)) };
}

/** The receipt of the documents of both, which must have none in common: those of neighbouring ranges, say. */
export function joinReceipts(a: Receipt, b: Receipt): Receipt {
  return { count: a.count + b.count, checksum: addChecksums(a.checksum, b.checksum) };
}

export function isSameReceipt(a: Receipt, b: Receipt): boolean {
  return a.count === b.count && a.checksum === b.checksum;
}

/** True for what can be a receipt; answers come from outside. */
export function isReceipt(value: unknown): value is Receipt {
  return typeof value === 'object' && value !== null && 'count' in value && 'checksum' in value
    ? isNatural(value.count) && isNatural(value.checksum)
    : false;
}

/** The sum modulo 2^53 of two such sums, without passing through a number that a double cannot hold. */
export function addChecksums(a: number, b: number): number {
  const room = MODULUS - b;
  return a >= room ? a - room : a + b;
}

function isNatural(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
