import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { UploadMeter } from '../../../edge/link/upload-meter.js';

describe('what leaves the node', () => {
  let nowMs: number;
  let meter: UploadMeter;

  beforeEach(() => {
    nowMs = 1_000;
    meter = new UploadMeter(() => nowMs);
  });

  /** A body alone on its way, answered after so long. */
  function send(bytes: number, durationMs: number): void {
    const upload = meter.handOver(bytes);
    nowMs += durationMs;
    meter.answered(upload, true);
    nowMs += 1_000;
  }

  it('is assumed to be a poor link until something has been measured', () => {
    expect([meter.bytesPerS, meter.leftMs]).to.deep.equal([2_000, 0]);
  });

  it('is measured by the first large body, and followed within a few when it becomes ten times faster or slower', () => {
    send(40_000, 5_000);
    expect(meter.bytesPerS).to.be.closeTo(8_000, 1);
    for (let n = 0; n < 5; n++) send(40_000, 500);
    expect(meter.bytesPerS).to.be.within(70_000, 80_000);
    for (let n = 0; n < 5; n++) send(40_000, 5_000);
    expect(meter.bytesPerS).to.be.within(8_000, 9_000);
  });

  it('leaves the round trip out where it is known', () => {
    send(300, 600);
    send(40_000, 5_600);
    expect(meter.bytesPerS).to.be.closeTo(8_000, 1);
  });

  it('does not count the handshake of a new connection as sending', () => {
    const upload = meter.handOver(40_000);
    nowMs += 1_800;
    meter.connected(upload);
    nowMs += 5_000;
    meter.answered(upload, false);
    expect(meter.bytesPerS).to.be.closeTo(8_000, 1);
  });

  it('measures the link and not each other when bodies follow one another closely', () => {
    const first = meter.handOver(40_000);
    const second = meter.handOver(40_000);
    nowMs += 5_000;
    meter.answered(first, true);
    const third = meter.handOver(40_000);
    nowMs += 5_000;
    meter.answered(second, true);
    nowMs += 5_000;
    meter.answered(third, true);
    expect(meter.bytesPerS).to.be.closeTo(8_000, 1);
  });

  it('measures the link when bodies share it and arrive together', () => {
    const first = meter.handOver(40_000);
    const second = meter.handOver(40_000);
    nowMs += 10_000;
    meter.answered(first, true);
    nowMs += 50;
    meter.answered(second, true);
    expect(meter.bytesPerS).to.be.closeTo(8_000, 100);
  });

  it('learns from small bodies only that the link is at least so fast', () => {
    send(2_000, 100);
    expect(meter.bytesPerS).to.be.closeTo(20_000, 1);
    send(200, 600);
    expect(meter.bytesPerS).to.be.closeTo(20_000, 1);
  });

  it('has as much left as was handed over and has not had the time to leave', () => {
    send(40_000, 5_000);
    meter.handOver(8_000);
    meter.handOver(16_000);
    expect(meter.leftMs).to.be.closeTo(3_000, 1);
    nowMs += 2_500;
    expect(meter.leftMs).to.be.closeTo(500, 1);
    nowMs += 2_500;
    expect(meter.leftMs).to.equal(0);
  });

  it('has nothing left when nothing is in flight, and no more than what is', () => {
    send(40_000, 5_000);
    const first = meter.handOver(80_000);
    const second = meter.handOver(8_000);
    nowMs += 1_000;
    meter.answered(first, true);
    expect(meter.leftMs).to.be.within(1, 1_000);
    meter.ended(second);
    expect(meter.leftMs).to.equal(0);
  });

  it('is believed slower after each body that did not get through, and no slower than can be', () => {
    send(400_000, 1_000);
    const believed = [meter.bytesPerS];
    for (let n = 0; n < 12; n++) {
      const upload = meter.handOver(400_000);
      nowMs += 15_000;
      meter.timedOut(upload);
      believed.push(meter.bytesPerS);
    }
    for (const [index, bytesPerS] of believed.slice(1).entries()) {
      expect(bytesPerS).to.be.at.most(Math.max(100, (believed[index] ?? 0) / 4));
      expect(bytesPerS).to.be.at.least(100);
    }
    send(40_000, 5_000);
    expect(meter.bytesPerS, 'what is measured replaces what was assumed').to.be.closeTo(8_000, 1);
  });
});
