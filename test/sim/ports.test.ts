import { expect } from 'chai';
import { describe, it } from 'mocha';
import { freePort } from '../../sim/ports.js';

describe('a free port', () => {
  it('is not given to two programs of which neither listens yet', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, () => freePort()));
    expect(new Set(ports).size).to.equal(ports.length);
  });

  it('is none that a system gives to connections and to servers that ask for any', async () => {
    expect(await freePort()).to.be.within(1_024, 32_767);
  });
});
