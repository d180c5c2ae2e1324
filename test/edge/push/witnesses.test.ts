import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Witnesses } from '../../../edge/push/witnesses.js';
import { itWithSeed } from '../../support/seeds.js';

const documents = (...names: string[]) => names.map((_id) => ({ _id, _rev: '1-a' }));

describe('the documents a plain CouchDB is asked for again', () => {
  const ids = (witnesses: Witnesses) => witnesses.documents.map(({ _id }) => _id).sort();

  it('are the ends of the last batch, of those sent one after the other', () => {
    const witnesses = new Witnesses();
    witnesses.handOver()(documents('a', 'b', 'c'));
    expect(ids(witnesses)).to.deep.equal(['a', 'c']);
    witnesses.handOver()(documents('d', 'e'));
    expect(ids(witnesses)).to.deep.equal(['d', 'e']);
    witnesses.handOver()([]);
    expect(ids(witnesses)).to.deep.equal(['d', 'e']);
    witnesses.forget();
    expect(ids(witnesses)).to.deep.equal([]);
  });

  it('are the last of those found, beside those sent', () => {
    const witnesses = new Witnesses();
    witnesses.handOver()(documents('a', 'b'));
    witnesses.found(documents('x', 'y'));
    witnesses.found([]);
    expect(ids(witnesses)).to.deep.equal(['a', 'b', 'y']);
  });

  itWithSeed('tell of every backup that lacks what was seen, however batches overlap', (random) => {
    for (let round = 0; round < 30; round++) {
      const witnesses = new Witnesses();
      const store: string[] = [];
      const seen: string[] = [];
      const onTheirWay: { names: string[]; seeHeld: ReturnType<Witnesses['handOver']>; isStored: boolean }[] = [];
      for (let step = 0; step < 60; step++) {
        const one = onTheirWay[random.integer(0, onTheirWay.length)];
        if (!one && onTheirWay.length < 3) {
          const names = Array.from({ length: random.integer(1, 4) }, (_, n) => `${step}.${n}`);
          onTheirWay.push({ names, seeHeld: witnesses.handOver(), isStored: false });
        } else if (one && !one.isStored) {
          store.push(...one.names);
          one.isStored = true;
        } else if (one) {
          one.seeHeld(documents(...one.names));
          seen.push(...one.names);
          onTheirWay.splice(onTheirWay.indexOf(one), 1);
        }
        // Whatever a backup made at any time until now lacks of what was seen, it lacks a witness as well.
        for (let length = 0; length <= store.length; length++) {
          const backup = new Set(store.slice(0, length));
          if (seen.every((name) => backup.has(name))) continue;
          expect(ids(witnesses).every((name) => backup.has(name))).to.equal(false);
        }
      }
      expect(witnesses.documents.length).to.be.at.most(12);
    }
  });
});
