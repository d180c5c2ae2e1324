/** A run that is called off ends, whatever there is still to send. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Segment } from '../../../edge/ledger/segment.js';
import { BatchSizer } from '../../../edge/push/batch-sizer.js';
import { Drain } from '../../../edge/push/drain.js';
import type { PushContext } from '../../../edge/push/push-context.js';
import { RightOfWay } from '../../../edge/push/right-of-way.js';

describe('a drain', () => {
  it('that is called off with nothing on its way says so, instead of seeming to be done', async () => {
    const calledOff = new AbortController();
    const why = new Error('the node is stopping');
    const never = () => Promise.reject(new Error('nothing is to be sent any more'));
    const drain = new Drain({
      ledger: { segments: [{ sealed: false } as Segment], onAppended: () => () => undefined },
      ...{ link: { uploadLeftMs: 0 }, sizer: new BatchSizer(), rightOfWay: new RightOfWay() },
      context: { signal: calledOff.signal } as PushContext,
      ...{ pushOf: () => undefined, hasUnsent: () => true, enter: never, afterBatch: never },
      goesOn: () => {
        calledOff.abort(why);
        return false;
      },
    });
    const outcome = await drain.run().catch((error: unknown) => error);
    expect(outcome).to.equal(why);
  });
});
