/** Receipts: the same documents are the same receipt, other documents another one. */
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import {
  addToReceipt,
  checksumOf,
  EMPTY_RECEIPT,
  isReceipt,
  isSameReceipt,
  joinReceipts,
  type Receipt,
} from '../../shared/receipt.js';
import { itWithSeed } from '../support/seeds.js';

const receiptOf = (revisions: readonly string[]) => revisions.reduce(addToReceipt, EMPTY_RECEIPT);
const revision = fc.stringMatching(/^[1-9]\d{0,3}-[0-9a-f]{1,32}$/);

describe('a receipt', () => {
  it('takes the first eight digits behind the dash as an unsigned number, and of a shorter hash what there is', () => {
    expect(checksumOf('1-89abcdef0123')).to.equal(0x89abcdef);
    expect(checksumOf('1-ffffffff')).to.equal(4294967295);
    expect(checksumOf('900-00000001ffffffff')).to.equal(1);
    expect(checksumOf('1-ff')).to.equal(255);
    for (const none of ['', '1', '1-', 'ffff', '1-xyz']) expect(checksumOf(none), none).to.equal(0);
    expect(receiptOf(['1-00000002aaaa', '1-00000003bbbb'])).to.deep.equal({ count: 2, checksum: 5 });
  });

  itWithSeed('is the exact sum modulo 2^53, whatever the order and however it was put together', (_, seed) => {
    const start = fc.record({ count: fc.nat(), checksum: fc.maxSafeNat() });
    fc.assert(
      fc.property(start, start, fc.array(revision), fc.nat(), (first, second, revisions, at) => {
        const exact = revisions.reduce((sum, one) => sum + BigInt(checksumOf(one)), BigInt(first.checksum));
        const expected = { count: first.count + revisions.length, checksum: Number(exact % 2n ** 53n) };
        expect([...revisions].reverse().reduce(addToReceipt, first)).to.deep.equal(expected);
        const middle = at % (revisions.length + 1);
        const lower = revisions.slice(0, middle).reduce(addToReceipt, first);
        expect(joinReceipts(lower, receiptOf(revisions.slice(middle)))).to.deep.equal(expected);
        const both = (BigInt(first.checksum) + BigInt(second.checksum)) % 2n ** 53n;
        expect(joinReceipts(first, second).checksum).to.equal(Number(both));
      }),
      { seed, numRuns: 500 },
    );
  });

  it('is another where a document is missing, is too many, or is another one', () => {
    const revisions = ['1-00000002aaaa', '1-00000003bbbb', '1-00000005cccc'];
    const whole = receiptOf(revisions);
    expect(isSameReceipt(whole, receiptOf([...revisions].reverse()))).to.equal(true);
    for (const other of [revisions.slice(1), [...revisions, '1-00000000'], [...revisions.slice(1), '1-00000007dddd']]) {
      expect(isSameReceipt(whole, receiptOf(other)), other.join()).to.equal(false);
    }
  });

  it('is told from anything else that comes as an answer', () => {
    expect(isReceipt({ count: 0, checksum: 0 } satisfies Receipt)).to.equal(true);
    expect(isReceipt({ count: 3, checksum: 2 ** 53 - 1, more: 1 })).to.equal(true);
    for (const other of [
      null,
      [],
      'x',
      {},
      { count: 1 },
      { count: '1', checksum: 1 },
      { count: 1, checksum: 2 ** 53 },
    ]) {
      expect(isReceipt(other), JSON.stringify(other)).to.equal(false);
    }
    for (const count of [-1, 0.5, Number.NaN, null]) expect(isReceipt({ count, checksum: 0 })).to.equal(false);
  });
});
