import { expect } from 'chai';
import { describe, it } from 'mocha';
import { unbroken, Words } from '../../../shared/dashboard/words.js';

describe('a French text', () => {
  it('ends no line before a sign that stands apart, nor within quotation marks', () => {
    const texts = { a: 'au moins {energy} ; vraiment ? « Oui » : si !', b: 'à 15:43, plus ou moins; fin' };
    expect(unbroken(texts)).to.deep.equal({
      a: 'au moins {energy}\u00a0; vraiment\u00a0? «\u00a0Oui\u00a0»\u00a0: si\u00a0!',
      b: texts.b,
    });
  });
});

describe('a word that goes with a number', () => {
  it('is the one for one, or for many, as each language counts', () => {
    const text = '{count} {count:village is|villages are} off {place}';
    const all = { en: { off: text }, fr: { off: text } };
    const said = (language: string, count: string) => new Words(all, language).say('off', { count, place: 'P' });
    expect(['0', '1', '2', '1,001'].map((count) => said('en', count))).to.deep.equal([
      '0 villages are off P',
      '1 village is off P',
      '2 villages are off P',
      '1,001 villages are off P',
    ]);
    expect(['0', '1', '1 001'].map((count) => said('fr', count))).to.deep.equal([
      '0 village is off P',
      '1 village is off P',
      '1 001 villages are off P',
    ]);
    expect(new Words(all, 'en').say('off')).to.equal(text);
  });
});
