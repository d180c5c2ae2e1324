/** What a running gateway does about a CouchDB that loses its databases, its design document, or everything. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { CouchdbStore } from '../../../server/store/couchdb-store.js';
import { AppError } from '../../../shared/app-error.js';
import { EMPTY_RECEIPT } from '../../../shared/receipt.js';
import { capturedLog } from '../../support/captured-log.js';
import { SettableClock } from '../../support/settable-clock.js';
import { waitFor } from '../../support/wait-for.js';
import { FakeCouch } from '../support/fake-couch.js';

describe('a CouchDB that loses what the centre set up', () => {
  let couch: FakeCouch;
  let store: CouchdbStore;
  let clock: SettableClock;
  let logged: ReturnType<typeof capturedLog>;

  const open = () =>
    CouchdbStore.open({ url: couch.url, prefix: '' }, { clock: new SettableClock(0), log: logged.log });
  beforeEach(async () => {
    couch = await FakeCouch.start();
    logged = capturedLog();
    clock = new SettableClock(0);
    store = await CouchdbStore.open({ url: couch.url, prefix: '' }, { clock, log: logged.log });
  });
  afterEach(async () => {
    await store.close();
    await couch.stop();
  });

  const failure = (work: Promise<unknown>): Promise<AppError> =>
    work.then(
      () => Promise.reject(new Error('it succeeded')),
      (error) => (error instanceof AppError ? error : Promise.reject(error)),
    );
  const setUps = () => couch.requests.filter((request) => request === 'PUT /telemetry').length;
  /** Waits until the set-up, the `count`th one, has ended. */
  const setUpAgain = (count = 1) =>
    waitFor(() => logged.lines.filter(({ message }) => message === 'CouchDB was set up again').length === count, {
      what: 'CouchDB to be set up again',
    });

  it('is set up again, once for everybody who asks, and each is told to come back in a moment', async () => {
    const before = setUps();
    const start = couch.requests.length;
    couch.databases.delete('telemetry');
    // Those that come late may find it there again.
    const asked = [...Array.from({ length: 20 }, () => store.revsDiff({})), store.ping()];
    const told = (await Promise.allSettled(asked)).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(told).to.not.have.length(0);
    for (const error of told) {
      expect(error).to.include({ code: 'unavailable' });
      expect(error.retryAfterS).to.be.within(2, 5);
      expect(error.message).to.match(/^the database telemetry is gone from CouchDB at http/);
    }
    await setUpAgain();
    expect(setUps()).to.equal(before + 1);
    expect(await store.receipt('kano', 'node1', 1, 9)).to.deep.equal(EMPTY_RECEIPT);
    expect(couch.requests.slice(start)).to.include('PUT /telemetry/_security');
  });

  it('gets the shards and copies of the settings, and of its own where none are set', async () => {
    const queries = (db: string) =>
      couch.queries.filter((one) => one.startsWith(`PUT /${db}?`) || one === `PUT /${db}`);
    expect([queries('telemetry').at(-1), queries('villages').at(-1)]).to.deep.equal([
      'PUT /telemetry?partitioned=true',
      'PUT /villages',
    ]);
    const config = { url: couch.url, prefix: '', shards: 24, copies: 3 };
    await (await CouchdbStore.open(config, { clock, log: logged.log })).close();
    expect([queries('telemetry').at(-1), queries('villages').at(-1)]).to.deep.equal([
      'PUT /telemetry?partitioned=true&q=24&n=3',
      'PUT /villages?n=3',
    ]);
  });

  it('is nobody’s centre while its nodes are yet to be made one cluster, each with a uuid of its own', async () => {
    couch.clusterState = 'cluster_enabled';
    const openWith = (copies: number) =>
      CouchdbStore.open({ url: couch.url, prefix: '', copies }, { clock, log: logged.log });
    const refused = await failure(openWith(3));
    expect(refused).to.include({ code: 'unavailable', retryAfterS: 5 });
    expect(refused.message).to.contain('is not set up as a cluster yet (cluster_enabled)');
    await (await openWith(1)).close();
    couch.clusterState = 'cluster_finished';
    await (await openWith(3)).close();
  });

  it('is waited for by a receipt, which a node does not come back for the same night', async () => {
    couch.databases.delete('telemetry');
    expect(await store.receipt('kano', 'node1', 1, 9)).to.deep.equal(EMPTY_RECEIPT);
  });

  it('is not set up again more often than every five seconds', async () => {
    couch.databases.delete('telemetry');
    await failure(store.ping());
    await setUpAgain();
    const before = setUps();
    couch.databases.delete('telemetry');
    clock.pass(1_500);
    for (let n = 0; n < 5; n++) expect(await failure(store.ping())).to.include({ retryAfterS: 4 });
    // Another database is asked last: what the others may have set off would show before.
    expect(await store.villages.get('kano')).to.equal(undefined);
    expect(setUps()).to.equal(before);
    clock.pass(3_500);
    expect(await failure(store.ping())).to.include({ retryAfterS: 2 });
    await setUpAgain(2);
    await store.ping();
    expect(setUps()).to.equal(before + 1);
  });

  it('says once that villages and credentials cannot come back', async () => {
    couch.databases.delete('villages');
    await Promise.all(Array.from({ length: 5 }, () => failure(store.villages.get('kano'))));
    await setUpAgain();
    expect(await store.villages.get('kano')).to.equal(undefined);
    const said = logged.lines.filter(({ message }) => /credentials cannot come back/.test(String(message)));
    expect(said).to.have.length(1);
    expect(said[0]).to.include({ level: 'error', database: 'villages' });
  });

  it('has the design document put there again when somebody deleted or changed it', async () => {
    const ours = couch.design;
    couch.design = undefined;
    expect(await store.receipt('kano', 'node1', 1, 9)).to.deep.equal(EMPTY_RECEIPT);
    expect(couch.design).to.deep.equal(ours);
    couch.design = { ...ours, views: { numbers: { map: 'function (doc) {}', reduce: '_sum' } } };
    await (await open()).close();
    expect(couch.design).to.deep.equal(ours);
    const puts = () => couch.requests.filter((request) => request.startsWith('PUT /telemetry/_design/')).length;
    const before = puts();
    await (await open()).close();
    expect(puts()).to.equal(before);
  });

  it('is known by the name of the server that is there now', async () => {
    couch.uuid = 'b'.repeat(32);
    couch.databases.clear();
    await failure(store.ping());
    await setUpAgain();
    expect(store.uuid).to.equal('b'.repeat(32));
  });

  it('is not asked on for a receipt nobody waits for any more', async () => {
    couch.receipt = undefined;
    const leaving = new AbortController();
    const left = failure(store.receipt('kano', 'node1', 1, 9, leaving.signal));
    await waitFor(() => couch.requests.at(-1)?.includes('/_view/'), { what: 'the view to be asked' });
    leaving.abort();
    expect((await left).message).to.match(/nobody waits/);
  });

  it('is not set up again for a document that is not there', async () => {
    const before = setUps();
    expect(await store.villages.get('nobody')).to.equal(undefined);
    expect(setUps()).to.equal(before);
  });
});
