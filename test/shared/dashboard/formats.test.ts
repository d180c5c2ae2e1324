import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Formats } from '../../../shared/dashboard/formats.js';

describe('numbers and times on the dashboard', () => {
  it('are written as the language writes them', () => {
    const [english, french] = [new Formats('en'), new Formats('fr')];
    expect([english.number(12_345.678), english.percent(12.34)]).to.deep.equal(['12,345.68', '12.3%']);
    expect(french.number(12_345.678).replace(/\s/g, ' ')).to.equal('12 345,68');
    expect([english.bytes(512e6), english.bytes(2.5e9)]).to.deep.equal(['512 MB', '2.5 GB']);
    expect(french.bytes(512e6).replace(/\s/g, ' ')).to.equal('512 Mo');
    expect([english.duration(4), english.duration(600), english.duration(7_200)]).to.deep.equal([
      ...['4 seconds', '10 minutes', '2 hours'],
    ]);
    expect([english.ago(0, 600_000), french.ago(0, 600_000)]).to.deep.equal(['10 minutes ago', 'il y a 10 minutes']);
  });

  it('show a text as it is, and other values as JSON', () => {
    const formats = new Formats('en');
    expect([formats.value('<b>'), formats.value(true), formats.value(undefined), formats.value([1])]).to.deep.equal([
      ...['<b>', 'true', 'null', '[1]'],
    ]);
  });
});
