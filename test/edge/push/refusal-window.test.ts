import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { RefusalWindow } from '../../../edge/push/refusal-window.js';

describe('telling a flood of refusals from a few bad documents', () => {
  it('lets a few refusals pass, alone or among many', () => {
    const window = new RefusalWindow();
    expect(window.isFlood(1, 1)).to.equal(false);
    expect(window.isFlood(20, 20)).to.equal(false);
    expect(window.isFlood(500, 30)).to.equal(false);
    expect(window.isFlood(500, 100)).to.equal(false);
  });

  it('calls it a flood when a whole first batch is refused, before any of it goes to quarantine', () => {
    expect(new RefusalWindow().isFlood(100, 100)).to.equal(true);
  });

  it('calls it a flood when refusals of several batches add up to a third of the last 500', () => {
    const window = new RefusalWindow();
    expect(window.isFlood(200, 40)).to.equal(false);
    expect(window.isFlood(200, 60)).to.equal(false);
    expect(window.isFlood(100, 67)).to.equal(true);
  });

  it('calls a few in each large batch no flood, however large the batches are', () => {
    const window = new RefusalWindow();
    for (const documents of [100, 400, 1_600, 2_000, 2_000, 2_000]) {
      expect(window.isFlood(documents, Math.floor(documents * 0.3)), `${documents} documents`).to.equal(false);
    }
  });

  it('calls a third of one large batch a flood, whatever came before it', () => {
    const window = new RefusalWindow();
    for (let i = 0; i < 5; i++) expect(window.isFlood(2_000, 0)).to.equal(false);
    expect(window.isFlood(2_000, 700)).to.equal(true);
  });

  it('sees from the few that are offered after a flood that it goes on, and from as few that it is over', () => {
    const window = new RefusalWindow();
    expect(window.isFlood(2_000, 0)).to.equal(false);
    expect(window.isFlood(2_000, 1_000)).to.equal(true);
    for (let i = 0; i < 5; i++) expect([window.isFlood(50, 25), window.isFlooded]).to.deep.equal([true, true]);
    expect([window.isFlood(50, 3), window.isFlooded]).to.deep.equal([false, false]);
    // From here on as at the beginning.
    expect(window.isFlood(40, 40)).to.equal(false);
  });

  it('does not count a flood, so that it ends when the refusals do', () => {
    const window = new RefusalWindow();
    for (let i = 0; i < 5; i++) expect(window.isFlood(500, 500)).to.equal(true);
    expect(window.isFlood(500, 10)).to.equal(false);
  });

  it('forgets refusals that are more than 500 documents back', () => {
    const window = new RefusalWindow();
    expect(window.isFlood(500, 160)).to.equal(false);
    expect(window.isFlood(500, 0)).to.equal(false);
    expect(window.isFlood(500, 160)).to.equal(false);
  });

  it('never calls a batch without refusals a flood', () => {
    const anyBatch = fc
      .nat(2_000)
      .chain((documents) => fc.record({ documents: fc.constant(documents), refused: fc.nat(documents) }));
    fc.assert(
      fc.property(fc.array(anyBatch), fc.nat(2_000), (batches, documents) => {
        const window = new RefusalWindow();
        for (const batch of batches) window.isFlood(batch.documents, batch.refused);
        expect(window.isFlood(documents, 0)).to.equal(false);
      }),
    );
  });
});
