/** Leaves are fetched in requests that can be answered, and one that cannot be had keeps no other away. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { LinkError } from '../../../edge/link/link-error.js';
import { fetchLeaves } from '../../../edge/registry/leaf-fetch.js';
import type { AskedLeaves, FoundLeaves } from '../../../edge/registry/replication-peer.js';

type Asked = AskedLeaves['docs'];

const leaves = (id: string, count: number): Asked => Array.from({ length: count }, (_, n) => ({ id, rev: `1-${n}` }));
const answerTo = (asked: Asked): FoundLeaves => ({
  results: asked.map(({ id, rev }) => ({ id, docs: [{ ok: { _id: id, _rev: rev } }] })),
});

/** A centre that gives at most `most` leaves at a time and never one of `spoilt`; tells how many it was asked for. */
function centreWith({ most = 1_000, spoilt = '' }) {
  const counts: number[] = [];
  const ask = async ({ docs }: AskedLeaves): Promise<FoundLeaves> => {
    counts.push(docs.length);
    if (docs.length > most || docs.some(({ id }) => id === spoilt)) {
      throw new LinkError('HTTP_ERROR', 'the centre answered 413', { status: 413 });
    }
    return answerTo(docs);
  };
  return { counts, ask };
}

const idsOf = ({ results }: FoundLeaves) => results.map(({ id, docs }) => `${id} ${docs.length}`);

describe('fetching leaves', () => {
  it('asks for at most a hundred at a time, for fewer where that is said, and for all of them', async () => {
    const { ask, counts } = centreWith({});
    const docs = leaves('device:m1', 250);
    expect(await fetchLeaves({ docs }, { ask, atMost: 1_000 })).to.deep.equal({
      found: answerTo(docs),
      unfetched: new Map(),
    });
    expect(counts).to.deep.equal([100, 100, 50]);
    await fetchLeaves({ docs: docs.slice(0, 5) }, { ask, atMost: 3 });
    expect(counts.slice(3)).to.deep.equal([3, 2]);
  });

  it('halves what is too much, and passes over the one that is too much alone', async () => {
    const { ask, counts } = centreWith({ most: 20, spoilt: 'device:x' });
    const docs = [...leaves('device:m1', 50), ...leaves('device:x', 1), ...leaves('device:m2', 50)];
    const { found, unfetched } = await fetchLeaves({ docs }, { ask, atMost: 100 });
    expect(idsOf(found)).to.deep.equal(idsOf(answerTo(docs.filter(({ id }) => id !== 'device:x'))));
    expect([...unfetched]).to.deep.equal([['device:x', 'the centre answered 413']]);
    expect(counts.length).to.be.below(40);
  });

  it('passes over a document of more than a thousand leaves without asking for it', async () => {
    const { ask, counts } = centreWith({});
    const docs = [...leaves('device:bush', 1_001), ...leaves('device:m1', 1)];
    const { found, unfetched } = await fetchLeaves({ docs }, { ask, atMost: 100 });
    expect(idsOf(found)).to.deep.equal(['device:m1 1']);
    expect([...unfetched.keys()]).to.deep.equal(['device:bush']);
    expect(counts).to.deep.equal([1]);
  });

  it('passes over what the centre says it will not give, and fails where it may give it later', async () => {
    const docs = [...leaves('device:m1', 1), ...leaves('device:m2', 1)];
    const answering = (error: string) => async () => ({
      results: [
        { id: 'device:m1', docs: [{ error: { id: 'device:m1', rev: '1-0', error, reason: 'so' } }] },
        ...answerTo(leaves('device:m2', 1)).results,
      ],
    });
    const { found, unfetched } = await fetchLeaves({ docs }, { ask: answering('not_found'), atMost: 100 });
    expect(idsOf(found)).to.deep.equal(['device:m1 0', 'device:m2 1']);
    expect([...unfetched]).to.deep.equal([['device:m1', 'so']]);
    const failure = await fetchLeaves({ docs }, { ask: answering('timeout'), atMost: 100 }).catch((error) => error);
    expect(failure).to.be.instanceOf(LinkError);
  });

  it('fails with the link', async () => {
    const failure = new LinkError('TIMEOUT', 'no progress');
    const ask = () => Promise.reject(failure);
    expect(await fetchLeaves({ docs: leaves('a', 2) }, { ask, atMost: 9 }).catch((error) => error)).to.equal(failure);
  });
});
