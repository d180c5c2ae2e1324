import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { deleteDatabase, describeWithCouchDb } from '../../support/couchdb.js';
import { FaultProxy } from '../../support/fault-proxy.js';
import { Centre } from '../support/centre.js';
import { reading, type Sent } from '../support/documents.js';
import { couchFromEnvironment } from '../support/stores.js';

const DEVICES = 200;
const READINGS = 6_000;

describeWithCouchDb('a CSV file of 200 devices out of CouchDB', (couchdb) => {
  const prefix = `t${randomBytes(6).toString('hex')}-`;
  const proxy = new FaultProxy(couchdb.url);
  let sent: Sent[];
  let centre: Centre;

  before(async () => {
    await proxy.start();
    const couch = { ...couchFromEnvironment(), url: proxy.url, prefix, user: couchdb.user, password: couchdb.password };
    centre = await Centre.start('couchdb', { config: { couch } });
    const kano = await centre.addVillage('kano');
    sent = Array.from({ length: READINGS }, (_, n) => {
      const { at } = reading('kano', Math.floor(n / DEVICES));
      const device = `meter-${n % DEVICES}`;
      return reading('kano', n, { _id: `kano:r:${device}:${String(at)}`, device, at });
    });
    for (let start = 0; start < READINGS; start += 2_000) await centre.push(kano, sent.slice(start, start + 2_000));
  });
  after(async () => {
    await centre.stop();
    await proxy.stop();
    for (const name of ['telemetry', 'villages']) await deleteDatabase(couchdb, prefix + name);
  });

  describe('whole', () => {
    for (const order of ['asc', 'desc'] as const) {
      it(`has every reading once and in order (${order}), with far fewer questions than devices`, async () => {
        const before = proxy.requests.length;
        const response = await centre.analyst(`/v1/villages/kano/readings?format=csv&fields=powerW&order=${order}`);
        const [, ...lines] = (await response.text()).trimEnd().split('\r\n');
        const places = lines.map((line) => {
          const cells = line.split(',');
          return `${cells[0]} ${cells.at(-2)}`;
        });
        const wanted = sent.map(({ _id, at }) => `${String(at)} ${_id}`).sort();
        expect(places).to.deep.equal(order === 'asc' ? wanted : wanted.reverse());
        expect(proxy.requests.length - before).to.be.below(DEVICES / 2);
      });
    }

    it('is as cheap with its columns found out', async () => {
      const before = proxy.requests.length;
      const text = await (await centre.analyst('/v1/villages/kano/readings?format=csv')).text();
      expect(text.split('\r\n')).to.have.length(READINGS + 2);
      expect(proxy.requests.length - before).to.be.below(DEVICES / 2);
    });
  });

  it('begins with a question for each device, many of them in one request', async () => {
    // So that the index of numbers has them all.
    await centre.analyst('/v1/villages/kano');
    for (const order of ['asc', 'desc']) {
      const before = proxy.requests.length;
      await centre.analyst(`/v1/villages/kano/readings?format=csv&order=${order}`, { method: 'HEAD' });
      // The village, its nodes, their newest numbers, and 32 devices a request.
      expect(proxy.requests.length - before).to.be.at.most(3 + Math.ceil((DEVICES + 2) / 32));
    }
  });

  it('is whole also where CouchDB does not tell its newest numbers', async () => {
    proxy.rule = ({ path }) => (path.includes('/_view/numbers') ? { kind: 'answer', status: 500 } : undefined);
    try {
      const text = await (await centre.analyst('/v1/villages/kano/readings?format=csv')).text();
      expect(text.split('\r\n')).to.have.length(READINGS + 2);
    } finally {
      proxy.rule = () => undefined;
    }
  });

  it('breaks off when CouchDB fails in the middle, and is not taken for whole', async () => {
    let questions = 0;
    proxy.rule = ({ path }) =>
      path.endsWith('/_all_docs/queries') && ++questions > 12 ? { kind: 'cut-answer', afterBytes: 5_000 } : undefined;
    try {
      const response = await centre.analyst('/v1/villages/kano/readings?format=csv');
      const failure = await response.text().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(questions).to.be.above(12);
      expect(response.status === 503 || failure !== undefined).to.equal(true);
    } finally {
      proxy.rule = () => undefined;
    }
  });
});
