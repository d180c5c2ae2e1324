/** What replication brings is joined, at the latest with what it brings next. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Arrivals } from '../../../edge/registry/arrivals.js';
import type { EdgeRegistry } from '../../../edge/registry/edge-registry.js';

describe('what replication has stored', () => {
  it('is told, and what could not be joined is joined with what comes next', async () => {
    const tended: unknown[] = [];
    const told: unknown[] = [];
    let isFailing = true;
    const registry = {
      registry: {
        tend: async (ids: unknown) => {
          tended.push(ids);
          if (isFailing) throw new Error('device:m1 makes no sense');
        },
      },
      noteReplicated: (ids: unknown) => told.push(ids),
    };
    const arrivals = new Arrivals(registry as unknown as EdgeRegistry);
    arrivals.begin();
    arrivals.stored(['device:m1', 'device:m1']);
    await arrivals.joinStored();
    expect(arrivals.problem).to.equal('device:m1 makes no sense');
    arrivals.begin();
    expect(arrivals.problem).to.equal(undefined);
    arrivals.stored(['device:m2']);
    isFailing = false;
    await arrivals.joinStored();
    await arrivals.joinStored();
    expect(told).to.deep.equal([['device:m1'], ['device:m2']]);
    expect(tended).to.deep.equal([['device:m1'], ['device:m1', 'device:m2']]);
  });
});
