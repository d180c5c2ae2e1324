import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Clock } from '../../shared/time.js';
import { PacedPipe } from '../../sim/paced-pipe.js';
import { SharedRate } from '../../sim/shared-rate.js';
import { waitFor } from '../support/wait-for.js';

/** Time goes on by a thousandth of a millisecond whenever somebody looks. */
class TickingClock implements Clock {
  nowMs = 0;

  now(): number {
    return this.monotonic();
  }

  monotonic(): number {
    this.nowMs += 0.001;
    return this.nowMs;
  }
}

describe('one of several connections through a simulated link', () => {
  it('reads on when the others have left it room, in whatever moment it looks', async () => {
    for (let looks = 0; looks < 8; looks++) {
      const clock = new TickingClock();
      const rate = new SharedRate(1_000, clock);
      const source = new PassThrough();
      const pipe = new PacedPipe({
        ...{ source: source as unknown as Socket, sink: new PassThrough() as unknown as Socket },
        ...{ rate, delayMs: 0, clock, onExhausted: () => undefined },
        grant: (bytes) => ({ bytes, isLast: false }),
      });
      const busyUntilMs = rate.reserve(4_000);
      pipe.release();
      expect(source.isPaused(), 'while the others have so much to send').to.equal(true);
      // So little before it may go on that it may go on while it looks.
      clock.nowMs = busyUntilMs - 1_500 - 0.001 * looks - 0.0005;
      pipe.release();
      clock.nowMs = busyUntilMs;
      await waitFor(() => !source.isPaused(), { what: `the source to be read after ${looks} looks`, timeoutMs: 5_000 });
      pipe.close();
    }
  });
});
