/** What every store promises of the numbers it holds and of the order in which documents arrived. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { CentralStore } from '../../server/store/contract.js';
import { AppError } from '../../shared/app-error.js';
import type { SeededRandom } from '../../sim/random.js';
import { incoming, prediction, reading, readings, type Sent } from '../server/support/documents.js';
import { createPlace, openIn, type Place, SKIPPED_COUCHDB, STORES, writeDirectly } from '../server/support/stores.js';
import { itWithSeed } from '../support/seeds.js';

for (const kind of STORES) {
  describe(`numbers and order of arrival in the store ${kind}${SKIPPED_COUCHDB}`, () => {
    let place: Place;
    let store: CentralStore;

    before(async () => {
      place = await createPlace(kind);
      store = await openIn(place);
    });
    after(async () => {
      await store.close();
      await place.remove();
    });

    let villages = 0;
    const newVillage = () => `numbers${++villages}`;
    const write = async (documents: Sent[]) => {
      for (const outcome of await store.write(documents.map(incoming))) expect(outcome.ok).to.equal(true);
    };
    const readAll = async (since: string | undefined, limit = 1000) => {
      const ids: string[] = [];
      for (let position = since; ; ) {
        const { arrivals, last, isEnd } = await store.arrivals.read(position, limit);
        ids.push(...arrivals.map(({ document }) => document._id));
        position = last;
        if (isEnd) return { ids, last };
      }
    };

    it('tells of each node how many numbers are held and which is the highest', async () => {
      const village = newVillage();
      expect(await store.numbers.nodes(village)).to.deep.equal([]);
      await write([...readings(village, 50), prediction(village, 60)]);
      await write([reading(village, 200, { node: 'a0', seq: 7 })]);
      await write([reading(`${village}-2`, 300, { node: 'node1', seq: 999 })]);
      expect(await store.numbers.nodes(village)).to.deep.equal([
        { node: 'a0', held: 1, highest: 7 },
        { node: 'node1', held: 51, highest: 61 },
      ]);
      await write([reading(village, 51)]);
      const [, grown] = await store.numbers.nodes(village);
      expect(grown).to.deep.equal({ node: 'node1', held: 52, highest: 61 });
    });

    itWithSeed('counts any spans, whatever order the documents came in', async (random) => {
      const village = newVillage();
      const documents = readings(village, 600).filter(() => random.chance(0.7));
      for (const part of inParts(random, shuffled(random, documents))) await write(part);
      const seqs = documents.map(({ seq }) => seq);
      const spans = Array.from({ length: 600 }, () => {
        const from = random.integer(1, 650);
        return [from, from + random.integer(0, 100)] as const;
      });
      expect(await store.numbers.counts(village, 'node1', spans)).to.deep.equal(
        spans.map(([from, to]) => seqs.filter((seq) => from <= seq && seq <= to).length),
      );
      expect(await store.numbers.counts(village, 'nobody', spans.slice(0, 2))).to.deep.equal([0, 0]);
      expect(await store.numbers.counts(village, 'node1', [])).to.deep.equal([]);
    });

    it('gives the documents beside gaps', async () => {
      const village = newVillage();
      const documents = readings(village, 30).filter(({ seq }) => seq < 5 || seq > 9);
      await write(documents.slice(10));
      await write(documents.slice(0, 10));
      const beside = await store.numbers.besideGaps(village, 'node1', [10, 7, 4]);
      const [fourth, tenth] = [4, 10].map((n) => documents.find(({ seq }) => seq === n));
      expect(beside).to.deep.equal([tenth, undefined, fourth]);
      expect(await store.numbers.besideGaps(village, 'nobody', [10])).to.deep.equal([undefined]);
      expect(await store.numbers.besideGaps(village, 'node1', [])).to.deep.equal([]);
    });

    it('does not count what an operator has deleted', async () => {
      const village = newVillage();
      const documents = readings(village, 5);
      await write(documents);
      const [, , third] = documents;
      const { _rev = '', ...fields } = third ?? {};
      const [generation, hash] = _rev.split('-');
      const revisions = { start: Number(generation) + 1, ids: ['dead', hash] };
      store = await writeDirectly(place, store, [{ ...fields, _deleted: true, _revisions: revisions }]);
      expect(await store.numbers.nodes(village)).to.deep.equal([{ node: 'node1', held: 4, highest: 5 }]);
      expect(
        await store.numbers.counts(village, 'node1', [
          [3, 3],
          [1, 5],
        ]),
      ).to.deep.equal([0, 4]);
    });

    itWithSeed(
      'gives each document once, in pages of any size, over a restart and while more is written',
      async (random) => {
        const village = newVillage();
        const { last: start } = await readAll(undefined);
        const documents = shuffled(random, readings(village, 900));
        const found: string[] = [];
        let position: string | undefined = start;
        const parts = inParts(random, documents);
        while (parts.length > 0 || found.length < documents.length) {
          const part = parts.shift();
          const writing = part ? write(part) : undefined;
          const page = await store.arrivals.read(position, random.integer(1, 200));
          found.push(...page.arrivals.map(({ document }) => document._id));
          position = page.last;
          await writing;
          if (random.chance(0.1)) {
            await store.close();
            store = await openIn(place);
          }
        }
        expect(new Set(found).size).to.equal(found.length);
        expect([...found].sort()).to.deep.equal(documents.map(({ _id }) => _id).sort());
        expect((await store.arrivals.read(position, 10)).arrivals).to.deep.equal([]);
        // From behind any single document everything after it follows, and nothing else.
        const { arrivals } = await store.arrivals.read(start, 1000);
        const middle = random.integer(0, arrivals.length - 1);
        const rest = await readAll(arrivals[middle]?.position, 300);
        const expected = arrivals.slice(middle + 1).map(({ document }) => document._id);
        expect([...rest.ids].sort()).to.deep.equal([...expected].sort());
      },
    );

    it('names its database, and refuses a position it cannot have given', async () => {
      expect(await store.arrivals.identity()).to.equal(await store.arrivals.identity());
      expect(await store.arrivals.identity()).to.include(store.uuid);
      for (const position of ['nonsense', '-1', '1.5', kind === 'embedded' ? '99999999' : '5-g1AAA']) {
        const error: unknown = await store.arrivals.read(position, 10).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error, position).to.be.instanceOf(AppError).with.property('code', 'invalid_request');
      }
    });
  });
}

function shuffled(random: SeededRandom, documents: readonly Sent[]): Sent[] {
  return documents
    .map((document) => [random.next(), document] as const)
    .sort(([a], [b]) => a - b)
    .map(([, document]) => document);
}

function inParts(random: SeededRandom, documents: readonly Sent[]): Sent[][] {
  const parts: Sent[][] = [];
  for (let start = 0; start < documents.length; ) {
    const end = start + random.integer(1, 150);
    parts.push(documents.slice(start, end));
    start = end;
  }
  return parts;
}
