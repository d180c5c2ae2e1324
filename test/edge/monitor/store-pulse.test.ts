/** The pulse of a store: errors are answers, silence is none. */
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { StorePulse } from '../../../edge/monitor/store-pulse.js';

const STUCK_MS = 90_000;
const TEN_MINUTES_MS = 600_000;

describe('the pulse of a store', () => {
  const ingest: { storingSinceMs: number | undefined } = { storingSinceMs: undefined };
  const ledger = { lastSeq: 0 };
  let nowMs = 0;
  let reads = 0;
  let writes = 0;
  let fails = false;
  let pulse: StorePulse;

  beforeEach(() => {
    ingest.storingSinceMs = undefined;
    ledger.lastSeq = 0;
    nowMs = 1_000;
    reads = 0;
    writes = 0;
    fails = false;
    const answer = async () => {
      if (fails) throw new Error('the disk is full');
    };
    pulse = new StorePulse({
      ...{ ingest, ledger, stuckMs: STUCK_MS, monotonic: () => nowMs },
      read: () => {
        reads++;
        return answer();
      },
      write: () => {
        writes++;
        return answer();
      },
    });
  });

  it('is felt while documents are stored within the time they may take, and is lost beyond it', async () => {
    ingest.storingSinceMs = nowMs;
    nowMs += STUCK_MS;
    await pulse.feel();
    nowMs += 1_000;
    const failure = await pulse.feel().catch((error: Error) => error.message);
    expect(failure).to.equal('documents have been on their way to the disk for 91 s');
    ingest.storingSinceMs = undefined;
    await pulse.feel();
  });

  it('is felt of a disk that says that it is full', async () => {
    fails = true;
    nowMs += TEN_MINUTES_MS;
    await pulse.feel();
    nowMs += TEN_MINUTES_MS;
    await pulse.feel();
    expect([reads, writes]).to.deep.equal([2, 1]);
  });

  it('has something small written only where nothing was for ten minutes', async () => {
    for (let minute = 0; minute < 60; minute++) {
      ledger.lastSeq++;
      nowMs += 60_000;
      await pulse.feel();
    }
    expect(writes).to.equal(0);
    for (let minute = 0; minute < 60; minute++) {
      nowMs += 60_000;
      await pulse.feel();
    }
    expect(writes).to.equal(6);
  });

  it('stays pending while a read does not come back', async () => {
    const waiting = new StorePulse({
      ...{ ingest, ledger, stuckMs: STUCK_MS, monotonic: () => nowMs },
      read: () => new Promise(() => undefined),
      write: async () => undefined,
    });
    const first = await Promise.race([
      waiting.feel().then(() => 'felt'),
      new Promise((resolve) => setImmediate(resolve, 'pending')),
    ]);
    expect(first).to.equal('pending');
  });
});
