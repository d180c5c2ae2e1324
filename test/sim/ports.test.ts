import net, { type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { freePort } from '../../sim/ports.js';

describe('a free port', () => {
  it('is not given to two programs of which neither listens yet', async () => {
    const ports = await Promise.all(Array.from({ length: 500 }, () => freePort()));
    expect(new Set(ports).size).to.equal(ports.length);
  });

  it('is none that the system gives to whoever asks for any', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    server.close();
    // The lowest that Linux gives unless told otherwise, and no other system gives lower ones.
    expect(await freePort()).to.be.below(Math.min(port, 32_768));
  });
});
