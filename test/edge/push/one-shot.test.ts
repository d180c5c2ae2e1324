import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { LinkError } from '../../../edge/link/link-error.js';
import {
  type OneShotLimits,
  type OneShotOptions,
  type OneShotResult,
  replicateOnce,
} from '../../../edge/push/one-shot.js';
import type { PushTotals } from '../../../edge/push/pusher.js';

const AWAY = new LinkError('CONNECTION_ERROR', 'no connection');

/** Does what one attempt does: moves the totals, resolves or rejects. */
type Attempt = () => Promise<void>;

describe('the forced replication', () => {
  let totals: PushTotals;
  let segment: { number: number; count: number; delivery: { deliveredSeq: number } };
  let attempts: number[];
  let holds: number;
  let successes: number;

  beforeEach(() => {
    totals = { sent: 0, held: 0, quarantined: 0 };
    segment = { number: 1, count: 10, delivery: { deliveredSeq: 0 } };
    [attempts, holds, successes] = [[], 0, 0];
  });

  function replicate(plan: Attempt[], limits: Partial<OneShotLimits> = {}): Promise<OneShotResult> {
    const controller = {
      push: async () => {
        attempts.push(performance.now());
        const attempt = plan[attempts.length - 1] ?? plan.at(-1);
        await attempt?.();
      },
      noteForcedSuccess: async () => {
        successes++;
      },
      holdProbes: () => {
        holds++;
        return () => {
          holds--;
        };
      },
    };
    const ledger = {
      segments: [segment],
      get pending() {
        return segment.count - segment.delivery.deliveredSeq;
      },
    };
    return replicateOnce({
      ...{ controller, ledger, pusher: { totals, onBatch: () => () => undefined } },
      registry: { sync: async () => undefined, countPending: async () => 0, refused: [] },
      onProgress: () => expect(holds, 'probes are held meanwhile').to.equal(1),
      signal: new AbortController().signal,
      limits: { maxRetries: 3, retryIntervalMs: 1, ...limits },
    } as unknown as OneShotOptions).finally(() => expect(holds).to.equal(0));
  }

  const send =
    (documents: number, error?: Error): Attempt =>
    async () => {
      totals.sent += documents;
      segment.delivery.deliveredSeq += documents;
      if (error) throw error;
    };

  it('counts attempts without progress only, a document refused and kept being progress, too', async () => {
    const refuseOne = async () => {
      totals.quarantined++;
      throw AWAY;
    };
    const result = await replicate([send(0, AWAY), send(0, AWAY), refuseOne, send(0, AWAY), send(0, AWAY), send(10)]);
    expect([attempts.length, result.sent, result.error]).to.deep.equal([
      6,
      10,
      { code: 'quarantined', retryable: false, message: 'the centre refused 1 document; they are kept in quarantine' },
    ]);
  });

  it('gives up after MAX_RETRIES attempts without progress, and does not count as a success', async () => {
    const result = await replicate([send(4, AWAY), send(0, AWAY)]);
    expect([attempts.length, result.ok, result.sent, result.pending, successes]).to.deep.equal([4, false, 4, 6, 0]);
  });

  it('leaves the centre alone as long as it asked for, where that is longer than the interval', async () => {
    const busy = new LinkError('HTTP_ERROR', 'busy', { status: 429, retryAfterS: 0.3 });
    await replicate([send(0, busy), send(10)]);
    expect((attempts[1] ?? 0) - (attempts[0] ?? 0)).to.be.at.least(290);
    expect(successes).to.equal(1);
  });

  it('follows a run that it joined, which may have begun before the call, by one of its own', async () => {
    const result = await replicate([send(3), send(7)], { maxRetries: 1 });
    expect([attempts.length, result.ok]).to.deep.equal([2, true]);
  });

  it('does not spin on runs that end well and leave something behind', async () => {
    const result = await replicate([send(0)], { maxRetries: 2 });
    expect([attempts.length, result.ok]).to.deep.equal([3, false]);
    expect(result.error?.message).to.contain('10 documents could not be pushed now');
  });

  it('is remembered as a success whenever it says so, at its deadline as well', async () => {
    const deliverAndHang = async () => {
      await send(10)();
      await new Promise<void>(() => undefined);
    };
    const result = await replicate([deliverAndHang], { deadlineMs: 30 });
    expect([result.ok, result.sent, successes]).to.deep.equal([true, 10, 1]);
  });

  it('does not call nothing pending a success at its deadline where the centre has not said a word', async () => {
    segment.delivery.deliveredSeq = 10;
    const result = await replicate([() => new Promise<void>(() => undefined)], { deadlineMs: 30 });
    expect([result.ok, result.error && 'code' in result.error && result.error.code]).to.deep.equal([false, 'deadline']);
  });
});
