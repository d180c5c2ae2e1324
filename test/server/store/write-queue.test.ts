import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { IncomingDocument } from '../../../server/store/contract.js';
import { WriteQueue } from '../../../server/store/write-queue.js';
import { incoming, readings } from '../support/documents.js';

describe('the write queue', () => {
  /** Records the groups it is asked to write; each takes a turn of the event loop. */
  function queueOf(fails: (group: readonly IncomingDocument[]) => boolean = () => false) {
    const groups: string[][] = [];
    let atWork = 0;
    const queue = new WriteQueue(async (documents) => {
      expect(++atWork).to.equal(1);
      groups.push(documents.map(({ id }) => id.split(':')[0] ?? ''));
      await new Promise((resolve) => setImmediate(resolve));
      atWork--;
      if (fails(documents)) throw new Error('disk');
      return documents.map(({ node, seq }) => ({ ok: true as const, held: { node, seq } }));
    });
    return { queue, groups };
  }

  it('lets a small village through between the groups of a large one', async () => {
    const { queue, groups } = queueOf();
    let largeIsDone = false;
    const large = queue.write(readings('large', 20_000).map(incoming)).then((outcomes) => {
      largeIsDone = true;
      return outcomes;
    });
    const small = await queue.write(readings('small', 10).map(incoming));
    expect(largeIsDone).to.equal(false);
    expect(small.map((one) => one.ok && one.held?.seq)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await large).map((one) => one.ok && one.held?.seq)).to.deep.equal(
      Array.from({ length: 20_000 }, (_, n) => n + 1),
    );
    expect(groups.every((group) => group.length <= 1000)).to.equal(true);
    expect(groups.findIndex((group) => group.includes('small'))).to.be.at.most(1);
  });

  it('writes what many have queued meanwhile as one group', async () => {
    const { queue, groups } = queueOf();
    await Promise.all(Array.from({ length: 101 }, (_, n) => queue.write(readings(`v${n}`, 9).map(incoming))));
    expect(groups.map((group) => group.length)).to.deep.equal([9, 900]);
  });

  it('fails those of a failed group and goes on with the next', async () => {
    const { queue } = queueOf((group) => group.some(({ id }) => id.startsWith('bad:')));
    const first = queue.write(readings('first', 1).map(incoming));
    const bad = queue.write(readings('bad', 1).map(incoming)).catch((error: Error) => error.message);
    expect(await first).to.have.length(1);
    expect(await bad).to.equal('disk');
    expect(await queue.write(readings('last', 1).map(incoming))).to.have.length(1);
    await queue.drain();
  });
});
