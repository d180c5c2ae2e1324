import { expect } from 'chai';
import { describe, it } from 'mocha';
import { LoginGuard } from '../../../shared/http/login-guard.js';
import { TokenBuckets } from '../../../shared/token-buckets.js';

function guardOf() {
  const time = { nowMs: 0 };
  const clock = { now: () => time.nowMs, monotonic: () => time.nowMs };
  const guard = new LoginGuard({ clock, perName: 3, perAddress: 6 });
  const guess = (address: string, name: string) => {
    const waitS = guard.waitS(address, name, 'wrong');
    if (waitS === 0) guard.failed(address, name, 'wrong');
    return waitS;
  };
  return { guard, time, guess };
}

describe('the limit of failed logins', () => {
  it('ends guesses at a village from an address, and from no other', () => {
    const { guard, time, guess } = guardOf();
    expect([1, 2, 3, 4].map(() => guess('1.1.1.1', 'kano'))).to.deep.equal([0, 0, 0, 20]);
    expect(guard.waitS('1.1.1.1', 'KANO', 'right, and never seen here')).to.equal(20);
    expect(guard.waitS('2.2.2.2', 'kano', 'right')).to.equal(0);
    expect(guess('1.1.1.1', 'jos')).to.equal(0);
    time.nowMs += 20_000;
    expect(guess('1.1.1.1', 'kano')).to.equal(0);
    expect(guard.refused).to.equal(2);
  });

  it('ends guesses at ever new names from an address', () => {
    const { guess } = guardOf();
    const waits = Array.from({ length: 7 }, (_, n) => guess('1.1.1.1', `village${n}`));
    expect(waits).to.deep.equal([0, 0, 0, 0, 0, 0, 10]);
    expect(guess('2.2.2.2', 'village9')).to.equal(0);
  });

  it('locks out no village that is known, even where it shares its address with who guesses', () => {
    const { guard, time, guess } = guardOf();
    guard.succeeded('kano', 'right');
    for (let n = 0; n < 20; n++) guess('1.1.1.1', 'kano');
    expect(guess('1.1.1.1', 'kano')).to.be.above(0);
    expect(guard.waitS('1.1.1.1', 'Kano', 'right')).to.equal(0);
    expect(guard.waitS('1.1.1.1', 'jos', 'right')).to.equal(0);
    time.nowMs += 23 * 3_600_000;
    for (let n = 0; n < 20; n++) guess('1.1.1.1', 'kano');
    expect(guard.waitS('1.1.1.1', 'kano', 'right')).to.equal(0);
    // A credential that has turned out wrong is known no more.
    guard.failed('1.1.1.1', 'kano', 'right');
    expect(guard.waitS('1.1.1.1', 'kano', 'right')).to.be.above(0);
  });

  it('keeps no more names than it may', () => {
    const clock = { now: () => 0, monotonic: () => 0 };
    const buckets = new TokenBuckets({ perMinute: 1, maxNames: 2, clock });
    for (const name of ['a', 'b', 'c']) expect(buckets.take(name)).to.equal(true);
    expect(['a', 'b', 'c'].map((name) => buckets.waitMs(name))).to.deep.equal([0, 60_000, 60_000]);
  });
});
