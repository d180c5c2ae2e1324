/**
 * Whatever the network or the centre answers at any step of a push: nothing is lost, nothing is believed that is not
 * proven, nothing runs hot. FAULT_CASES sets how many faults each step meets (8, drawn with TEST_SEED); 1000 are all.
 */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { anyVillage, GatewayCentre } from '../edge/push/support/centres.js';
import { EdgeSite, readings } from '../edge/push/support/edge-site.js';
import { sentIds } from '../edge/push/support/sent-documents.js';
import { FaultProxy, faults, type Rule } from '../support/fault-proxy.js';
import { testSeed } from '../support/seeds.js';
import { createTempFolder, removeFolder } from '../support/temp-folder.js';
import { drawFaults, expectationOf } from './fault-table.js';
import { endOf, stateAfter, timesSent } from './push-expectations.js';
import { asPlainCouchDb, STEPS } from './push-steps.js';

const DOCUMENTS = 12;
const ATTEMPTS = 2;
/** Of two attempts, were each request asked twice because the kept connection was stale. */
const MAX_REQUESTS = 40;
/** Short for what hangs, and yet longer than a busy machine takes for what does not: that would be told as a hang. */
const SYNC_TIMEOUT = '1';

const SEED = testSeed();

for (const step of STEPS) {
  const cases = drawFaults(step.title, SEED, 8);
  describe(`a push whose ${step.title} goes wrong (${cases.length} faults, TEST_SEED=${SEED})`, function () {
    this.timeout(90_000);
    const village = anyVillage();
    let folder: string;
    let centre: GatewayCentre;
    let proxy: FaultProxy;
    let site: EdgeSite;
    let uuid: string;
    let posted = 0;
    before(async () => {
      folder = await createTempFolder();
      centre = await GatewayCentre.start('embedded');
      proxy = new FaultProxy(centre.url);
      await proxy.start();
      const { CENTRAL_PASSWORD = '' } = await centre.settingsFor(village);
      uuid = await uuidOf(centre.url, village, CENTRAL_PASSWORD);
      site = await EdgeSite.start(village, folder, { API_URL: proxy.url, CENTRAL_PASSWORD, SYNC_TIMEOUT });
      // From here on there is a checkpoint, and the centre is known for what it shows itself as.
      setRule(() => undefined);
      for (let round = 0; round < 2; round++) {
        await post();
        await site.replicate();
      }
    });
    after(async () => {
      await site.stop();
      await proxy.stop();
      await centre.stop();
      await removeFolder(folder);
    });

    const setRule = (rule: Rule): void => {
      proxy.rule = step.asPlainCouchDb ? asPlainCouchDb(uuid, rule) : rule;
    };

    const post = async (): Promise<void> => {
      await site.post(readings(DOCUMENTS, posted));
      posted += DOCUMENTS;
    };

    /** Brings the node to where its next push takes the step. */
    const prepare = async (): Promise<void> => {
      await post();
      if (!step.afterLostCheckpoint) return;
      setRule(({ method, path }) => (method === 'PUT' && path.includes('/_local/') ? faults.json(500, {}) : undefined));
      await site.replicate({ maxRetries: 1 });
      await post();
    };

    const expectNothingClaimedInVain = async (): Promise<void> => {
      const { lastSeq, pending, quarantined } = (await site.status()).store;
      expect(lastSeq - pending - quarantined, 'delivered, as the node says').to.be.at.most(await centre.count());
    };

    const expectEverythingThere = async (): Promise<void> => {
      setRule(() => undefined);
      expect((await site.replicate()).result).to.include({ ok: true, pending: 0 });
      const { store } = await site.status();
      expect(store).to.include({ pending: 0, quarantined: 0, lost: 0 });
      expect(await centre.documents(village)).to.deep.equal(await site.documents());
      expect(await centre.count()).to.equal(store.lastSeq);
    };

    for (const fault of cases) {
      it(`survives: ${fault.title}`, async () => {
        await prepare();
        const asked = proxy.requests.length;
        setRule((request) => {
          if (!step.is(request)) return undefined;
          return typeof fault.fault === 'function' ? fault.fault(request) : fault.fault;
        });
        const { result } = await site.replicate({ maxRetries: ATTEMPTS, retryIntervalS: 0.01 });
        const requests = proxy.requests.slice(asked);
        expect(requests.some(step.is), `${step.title} is asked`).to.equal(true);
        expect(requests.length).to.be.at.most(MAX_REQUESTS);
        const expected = expectationOf(step.title, fault);
        const { link } = await site.status();
        const end = endOf(step, fault);
        if (!result.ok) {
          expect(end, `the run failed: ${result.error}`).not.to.equal('delivers');
          expect(result.error).to.include(expected);
          expect(link.lastError).to.include(expected);
          expect(link.state).to.equal(stateAfter(step, expected));
        } else {
          expect(end, 'the run succeeded').not.to.equal('fails');
          expect(link.state).to.equal('online');
          expect(result).to.include({ pending: 0, quarantined: 0 });
          const sent = sentIds(proxy, asked);
          expect(new Set(sent)).to.have.property('size', DOCUMENTS);
          expect(sent).to.have.length.at.most(DOCUMENTS * timesSent(step, fault));
        }
        await expectNothingClaimedInVain();
        expect((await site.status()).store.quarantined).to.equal(0);
        await expectEverythingThere();
      });
    }

    it('survives: a fault that strikes now and then', async () => {
      await prepare();
      let strikes = 0;
      setRule((request) => (step.is(request) && ++strikes % 2 === 1 ? { kind: 'lose-answer' } : undefined));
      await site.replicate({ maxRetries: 10, retryIntervalS: 0.01 });
      await expectNothingClaimedInVain();
      await expectEverythingThere();
    });
  });
}

async function uuidOf(url: string, user: string, password: string): Promise<string> {
  const headers = { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
  return ((await (await fetch(`${url}/`, { headers })).json()) as { uuid: string }).uuid;
}
