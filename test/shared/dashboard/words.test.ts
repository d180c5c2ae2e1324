import { expect } from 'chai';
import { describe, it } from 'mocha';
import { unbroken } from '../../../shared/dashboard/words.js';

describe('a French text', () => {
  it('ends no line before a sign that stands apart, nor within quotation marks', () => {
    const texts = { a: 'au moins {energy} ; vraiment ? « Oui » : si !', b: 'à 15:43, plus ou moins; fin' };
    expect(unbroken(texts)).to.deep.equal({
      a: 'au moins {energy}\u00a0; vraiment\u00a0? «\u00a0Oui\u00a0»\u00a0: si\u00a0!',
      b: texts.b,
    });
  });
});
