import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Database } from 'pouchdb-core';
import PouchDB from 'pouchdb-node';
import { Link } from '../../../edge/link/link.js';
import { LinkError } from '../../../edge/link/link-error.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { SmallCouch } from './small-couch.js';

const CREDENTIAL = `Basic ${Buffer.from('bamenda:secret').toString('base64')}`;

describe("PouchDB's way over the link", () => {
  let couch: SmallCouch;
  let local: Database;
  let link: Link;

  afterEach(async () => {
    link.close();
    await couch.stop();
    await local.close();
  });
  const folder = useTempFolder();
  beforeEach(async () => {
    couch = new SmallCouch(`${folder.path}/centre`);
    local = new PouchDB(`${folder.path}/edge`);
    link = new Link({ url: await couch.start(), user: 'bamenda', password: 'secret', timeoutMs: 5_000 });
  });

  const remote = () => new PouchDB(`${link.url}/registry-bamenda`, { fetch: link.fetch, skip_setup: true });

  it('replicates with stock PouchDB both ways, on kept connections, compressed and with the credential', async () => {
    await local.bulkDocs(Array.from({ length: 120 }, (_, n) => ({ _id: `device:m${n}`, model: 'x'.repeat(20), n })));
    await couch.database.bulkDocs([{ _id: 'tariff:a', pricePerKwh: 0.4 }]);
    const up = await PouchDB.replicate(local, remote());
    const down = await PouchDB.replicate(remote(), local);
    expect([up.ok, up.docs_written]).to.deep.equal([true, 120]);
    expect([down.ok, down.docs_written]).to.deep.equal([true, 1]);
    expect((await couch.database.info()).doc_count).to.equal(121);
    expect(await local.get('tariff:a')).to.include({ pricePerKwh: 0.4 });
    for (const { authorization } of couch.requests) expect(authorization).to.equal(CREDENTIAL);
    const encodings = couch.requests.map((headers) => headers['content-encoding']);
    expect(encodings).to.include('gzip');
    expect(link.counters.requests).to.equal(couch.requests.length);
    expect(link.counters.bytesSent).to.be.greaterThan(1_000);
  });

  it('gives error answers as answers, and what is no answer as an error of the link', async () => {
    const missing = await link.fetch(`${link.url}/registry-bamenda/_local/none`);
    expect([missing.ok, missing.status, ((await missing.json()) as { error: string }).error]).to.deep.equal([
      false,
      404,
      'not_found',
    ]);
    const dead = new Link({ url: 'http://127.0.0.1:1', user: 'bamenda', password: 'secret', timeoutMs: 5_000 });
    const failure = await dead.fetch('http://127.0.0.1:1/registry-bamenda').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(LinkError).with.property('tag', 'CONNECTION_ERROR');
  });

  it('ends at once when it is called off', async () => {
    const abort = new AbortController();
    abort.abort();
    const failure = await link.fetch(`${link.url}/x`, { signal: abort.signal }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(LinkError).with.property('tag', 'REQUEST_ERROR');
    expect(couch.requests).to.deep.equal([]);
  });

  it('takes the credential nowhere else, neither by address nor by redirect', async () => {
    let elsewhere = 0;
    const other = http.createServer((_request, response) => {
      elsewhere++;
      response.writeHead(302, { Location: `${link.url}/` }).end();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const redirected = new Link({ url, user: 'bamenda', password: 'secret', timeoutMs: 5_000 });
    try {
      const astray = await link.fetch(`${url}/registry-bamenda`).catch((error: unknown) => error);
      expect([(astray as LinkError).tag, elsewhere]).to.deep.equal(['REQUEST_ERROR', 0]);
      const failure = await redirected.fetch(`${url}/registry-bamenda`).catch((error: unknown) => error);
      expect([(failure as LinkError).status, elsewhere, couch.requests.length]).to.deep.equal([302, 1, 0]);
    } finally {
      redirected.close();
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
