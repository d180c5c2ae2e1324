import { expect } from 'chai';
import { describe, it } from 'mocha';
import { brotliWindow, chooseLevel, slownessAfter } from '../../../edge/link/compression-level.js';

/** 1,000 readings. */
const BATCH_BYTES = 450_000;
const BYTES_PER_S = { '64 kbit/s': 7_700, '1 Mbit/s': 120_000, LAN: 2_000_000 };

describe('the compression level', () => {
  it('is the strongest on 2G, for a thousand readings as for a few', () => {
    for (const plainBytes of [500, 5_000, BATCH_BYTES]) {
      expect(chooseLevel('br', plainBytes, BYTES_PER_S['64 kbit/s'], 1)).to.equal(11);
      expect(chooseLevel('gzip', plainBytes, BYTES_PER_S['64 kbit/s'], 1)).to.equal(9);
    }
  });

  it('is a quick one on a LAN', () => {
    expect(chooseLevel('br', 4 * BATCH_BYTES, BYTES_PER_S.LAN, 1)).to.equal(4);
    expect(chooseLevel('gzip', 4 * BATCH_BYTES, BYTES_PER_S.LAN, 1)).to.be.oneOf([5, 7]);
    expect(chooseLevel('gzip', 4 * BATCH_BYTES, 10 * BYTES_PER_S.LAN, 1)).to.equal(1);
  });

  it('is the strongest for a small body, whatever the link', () => {
    expect(chooseLevel('br', 1_000, BYTES_PER_S.LAN, 1)).to.equal(11);
    expect(chooseLevel('gzip', 1_000, BYTES_PER_S.LAN, 1)).to.equal(9);
  });

  it('never rises with the link, nor with a slower processor', () => {
    for (const coding of ['br', 'gzip'] as const) {
      const byRate = [2e3, 8e3, 3e4, 1e5, 5e5, 1e6, 1e7].map((rate) => chooseLevel(coding, 4 * BATCH_BYTES, rate, 1));
      const bySlowness = [0.2, 1, 2, 5, 20, 1000].map((slowness) => chooseLevel(coding, BATCH_BYTES, 8e3, slowness));
      for (const levels of [byRate, bySlowness]) {
        expect(levels).to.deep.equal([...levels].sort((a, b) => b - a));
        expect(new Set(levels).size).to.be.greaterThan(1);
      }
    }
  });

  it('follows what compressing took, and takes one stall for one stall', () => {
    let slowness = 1;
    for (let n = 0; n < 20; n++) slowness = slownessAfter(slowness, 'br', 11, 1_000_000, 4 * 2_700);
    expect(slowness).to.be.closeTo(4, 0.1);
    expect(slownessAfter(1, 'br', 4, 1_000_000, 60_000)).to.be.below(5);
    expect(slownessAfter(1, 'br', 11, 1_000, 60_000), 'too small to tell').to.equal(1);
  });
});

describe("Brotli's window", () => {
  it('reaches over a few rows, however long they are, over more of them at a strong level, and never beyond its limits', () => {
    for (const [level, rows] of [[4, 2] as const, [10, 8] as const, [11, 8] as const]) {
      for (const rowBytes of [100, 450, 2_000, 16_000]) {
        const window = brotliWindow(level, 100 * rowBytes, rowBytes);
        expect(2 ** window - 16).to.be.at.least(rows * rowBytes);
        expect(window).to.be.within(10, 18);
      }
    }
    expect(brotliWindow(4, 450_000, 450)).to.equal(10);
    expect(brotliWindow(11, 450_000, 450)).to.equal(12);
    expect(brotliWindow(11, 50_000_000, undefined)).to.equal(18);
  });
});
