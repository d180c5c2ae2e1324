import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { after, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { preferredPort } from '../../sim/ports.js';
import { couchdbUrl } from './couchdb.js';
import { freePort } from './free-port.js';
import { testSeed } from './seeds.js';
import { useTempFolder } from './temp-folder.js';
import { waitFor } from './wait-for.js';

describe('waitFor', () => {
  it('answers what the predicate answers once it is there', async () => {
    let asked = 0;
    const answer = await waitFor(() => (++asked < 3 ? undefined : 'ready'), { what: 'the third time', intervalMs: 1 });
    expect([answer, asked]).to.deep.equal(['ready', 3]);
  });

  it('fails at its deadline with what was waited for and what went wrong last', async () => {
    const failure = await waitFor(
      () => {
        throw new Error('no such file');
      },
      { what: 'the file', timeoutMs: 30, intervalMs: 5 },
    ).then(() => 'no failure', messageOf);
    expect(failure).to.equal('waited 0.03 s for the file; the last attempt failed: no such file');
  });
});

describe('a temporary folder', () => {
  const folder = useTempFolder();
  const seen: string[] = [];

  for (const nth of ['first', 'second']) {
    it(`is new and empty for the ${nth} test`, async () => {
      expect(existsSync(path.join(folder.path, 'file'))).to.equal(false);
      await writeFile(path.join(folder.path, 'file'), nth);
      seen.push(folder.path);
    });
  }

  after(() => {
    expect(new Set(seen).size).to.equal(seen.length);
    for (const gone of seen) expect(existsSync(gone)).to.equal(false);
  });
});

describe('ports', () => {
  it('are free when they are given, and a taken one is replaced', async () => {
    const port = await freePort();
    expect(await preferredPort(port)).to.equal(port);
    const server = net.createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      expect(await preferredPort(port)).to.not.equal(port);
    } finally {
      server.close();
    }
  });
});

describe('settings of the tests', () => {
  it('take the seed of TEST_SEED and refuse what is not one', () => {
    expect(testSeed({ TEST_SEED: '42' })).to.equal(42);
    expect(testSeed({})).to.be.within(0, 2 ** 31 - 1);
    expect(() => testSeed({ TEST_SEED: 'lucky' })).to.throw('TEST_SEED must be a whole number');
  });

  it('find CouchDB and its credentials in the environment', () => {
    expect(couchdbUrl({})).to.equal(undefined);
    expect(couchdbUrl({ COUCHDB_URL: 'http://root:a%20b@127.0.0.1:5984/' })).to.deep.equal({
      url: 'http://127.0.0.1:5984',
      user: 'root',
      password: 'a b',
    });
    const separate = { COUCHDB_URL: 'http://127.0.0.1:5984', COUCHDB_USER: 'me', COUCHDB_PASSWORD: 'pw' };
    expect(couchdbUrl(separate)).to.deep.equal({ url: 'http://127.0.0.1:5984', user: 'me', password: 'pw' });
  });
});
