/** The fleet of `npm run bench:fleet` in a small form: what a light village says, and that the count finds what is missing. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { FleetCentre } from '../../bench/fleet/fleet-centre.js';
import { scenariosOf, sizeOf, spreadS } from '../../bench/fleet/fleet-plan.js';
import { plotsOfFleet } from '../../bench/fleet/fleet-plots.js';
import { isWhole, jsonReport, markdownReport } from '../../bench/fleet/fleet-report.js';
import { countHeld } from '../../bench/fleet/held-count.js';
import { LightVillage } from '../../bench/fleet/light-village.js';
import { RequestLog } from '../../bench/fleet/request-log.js';
import { runScenario } from '../../bench/fleet/scenario.js';
import { makeVillageLoad, type VillageLoad } from '../../bench/fleet/village-load.js';
import { describeMachine } from '../../bench/machine.js';
import { FaultProxy, faults, type ProxiedRequest, type Rule } from '../support/fault-proxy.js';
import { createTempFolder, removeFolder, useTempFolder } from '../support/temp-folder.js';

const PATIENCE_MS = 180_000;

describe('a light village of the fleet', () => {
  let folder: string;
  let centre: FleetCentre;

  before(async function () {
    this.timeout(PATIENCE_MS);
    folder = await createTempFolder();
    centre = await FleetCentre.create(undefined, folder);
    await centre.start();
  });

  after(async function () {
    this.timeout(PATIENCE_MS);
    await centre.stop();
    await removeFolder(folder);
  });

  /** Delivers a village's load through a proxy with that rule; what was asked, and what is held in the end. */
  async function deliver(load: VillageLoad, rule: Rule) {
    const [password = ''] = await centre.addVillages([load.id]);
    const proxy = new FaultProxy(centre.url, rule);
    await proxy.start();
    try {
      const { signal } = new AbortController();
      const log = new RequestLog();
      const options = { load, password, log, signal, origin: proxy.url, random: () => 0 };
      const failure = await new LightVillage(options).run().then(
        () => undefined,
        (error: Error) => error,
      );
      return { failure, log, asked: proxy.requests.map(wordOf), count: await countHeld(centre, [load], []) };
    } finally {
      await proxy.stop();
    }
  }

  const wordOf = ({ method, path: asked }: ProxiedRequest) => `${method} ${asked.replace(/[?].*|(?<=_local\/).*/, '')}`;
  const isBatch = ({ path: asked }: ProxiedRequest) => asked.endsWith('/_bulk_docs');
  /** The fault for the first batch, and none afterwards. */
  const once = (fault: ReturnType<Rule>): Rule => {
    let isDone = false;
    return (request) => {
      if (isDone || !isBatch(request)) return undefined;
      isDone = true;
      return fault;
    };
  };
  const CHECKPOINT = 'GET /telemetry/_local/';
  const BATCH = 'POST /telemetry/_bulk_docs';
  const QUESTION = 'POST /telemetry/_revs_diff';
  const END = ['GET /telemetry/_receipt', 'PUT /telemetry/_local/'];

  it('asks what a node asks in a forced run, compressed, and is done when all is proven', async () => {
    for (const coding of ['br', 'gzip'] as const) {
      const load = await makeVillageLoad(`kano-${coding}`, 250, coding);
      const encodings = new Set<unknown>();
      const { failure, asked, count, log } = await deliver(load, (request) => {
        if (isBatch(request)) encodings.add(request.headers['content-encoding']);
        return undefined;
      });
      expect(failure).to.equal(undefined);
      expect(asked).to.deep.equal(['GET /', CHECKPOINT, BATCH, BATCH, BATCH, ...END]);
      expect([...encodings]).to.deep.equal([coding]);
      expect(count).to.deep.equal({ sent: 250, held: 250, problems: [] });
      expect(log.documents).to.equal(250);
    }
  }).timeout(PATIENCE_MS);

  it('asks for a batch whose answer was lost, and does not send it again', async () => {
    const load = await makeVillageLoad('bamenda', 80, 'br');
    const { asked, count, log } = await deliver(load, once({ kind: 'lose-answer' }));
    expect(asked).to.deep.equal(['GET /', CHECKPOINT, BATCH, QUESTION, ...END]);
    expect(count).to.deep.equal({ sent: 80, held: 80, problems: [] });
    expect(log.answers).to.have.property('ECONNRESET', 1);
  }).timeout(PATIENCE_MS);

  it('sends a batch again that was sent away, when it was told to come back', async () => {
    const load = await makeVillageLoad('garoua', 80, 'br');
    const times: number[] = [];
    const sendAway = once(faults.json(503, { error: 'busy' }, { 'Retry-After': '1' }));
    const { asked, count } = await deliver(load, (request) => {
      if (isBatch(request)) times.push(performance.now());
      return sendAway(request);
    });
    expect(asked).to.deep.equal(['GET /', CHECKPOINT, BATCH, BATCH, ...END]);
    expect((times[1] ?? 0) - (times[0] ?? 0)).to.be.at.least(990);
    expect(count.problems).to.deep.equal([]);
  }).timeout(PATIENCE_MS);

  it('believes no success that does not name each document, and the count says what is missing', async () => {
    const load = await makeVillageLoad('kano', 80, 'br');
    const { failure, count } = await deliver(load, once(faults.emptyList(201)));
    expect(failure?.message).to.include("kano: the centre's answer to a batch is []");
    expect(count).to.deep.equal({ sent: 80, held: 0, problems: ['kano: 80 documents sent, 0 held'] });
  }).timeout(PATIENCE_MS);

  it('is not counted as whole when a document is another one than was sent', async () => {
    const load = await makeVillageLoad('maroua', 50, 'gzip');
    const other = await makeVillageLoad('jos', 50, 'gzip');
    await deliver(load, () => undefined);
    const { problems } = await countHeld(centre, [{ ...load, digest: other.digest }], []);
    expect(problems).to.deep.equal(['maroua: as many are held as were sent, but not the same']);
  }).timeout(PATIENCE_MS);
});

describe('the count of the fleet', () => {
  const folder = useTempFolder();

  it('comes out even after the only gateway was killed half-way, nodes included', async () => {
    const [scenario] = scenariosOf({ killGateway: true });
    if (!scenario) throw new Error('there is no scenario');
    const size = sizeOf({ villages: '10', edges: '1', readings: '150', hour: '4' });
    const loads: VillageLoad[] = [];
    for (let n = 0; n < size.villages; n++) loads.push(await makeVillageLoad(`village${n}`, size.readings, 'br'));
    const { signal } = new AbortController();
    const run = { size, loads, couchdb: undefined, restartCommand: undefined, seed: 1, signal, say: () => undefined };
    const result = await runScenario(scenario, { ...run, folder: folder.path });
    expect(result.count.problems).to.deep.equal([]);
    expect(result.count.sent).to.equal(result.count.held);
    // The node's own events are among them.
    expect(result.count.held).to.be.above(11 * 150);
    expect(result.finishedS).to.have.lengthOf(10);
    expect(result.edgesFinishedS).to.have.lengthOf(1);
    expect(result.broken?.what).to.equal('gateway 1');
    expect(result.series.answered.at(-1)?.[1]).to.equal(10 * 150);

    const machine = await describeMachine(folder.path, signal);
    const report = { date: '2026-01-05', version: '0', machine, size, store: 'a store', seed: 1, results: [result] };
    expect(markdownReport(report)).to.include(`| **documents sent = held** | ${count(result.count.sent)} = `);
    expect(JSON.parse(jsonReport(report))).to.have.nested.property('results[0].series.answered');
    // Nobody counts by the second on an embedded store.
    const [finished, ...others] = plotsOfFleet(report);
    expect(finished?.text).to.include('light villages that are done, %').and.to.include(scenario.title);
    expect(others).to.deep.equal([]);
    const lacking = { ...result.count, held: result.count.held - 1 };
    expect(isWhole(result.count)).to.equal(true);
    expect(isWhole(lacking)).to.equal(false);
  }).timeout(PATIENCE_MS);

  const count = (documents: number) => documents.toLocaleString('en-US');
});

describe('the plan of the fleet', () => {
  it('offers as many documents a second in the short hour as in the long one', () => {
    const size = sizeOf({});
    expect(size).to.deep.equal({ villages: 1_000, edges: 20, readings: 160, hourS: 120 });
    expect(spreadS(size)).to.equal(30);
    expect(sizeOf({ hour: '3600' }).readings).to.equal(4_800);
  });

  it('plays all scenarios unless one is asked for', () => {
    const names = (flags: Parameters<typeof scenariosOf>[0]) => scenariosOf(flags).map(({ name }) => name);
    expect(names({})).to.deep.equal(['jitter', 'no-jitter', 'jitter+kill-gateway', 'jitter+restart-couchdb']);
    expect(names({ jitter: false })).to.deep.equal(['no-jitter']);
    expect(names({ jitter: false, killGateway: true })).to.deep.equal(['no-jitter+kill-gateway']);
  });

  it('refuses sizes that make no sense, by name', () => {
    expect(() => sizeOf({ villages: 'many' })).to.throw(/--villages .*"many"/);
    expect(() => sizeOf({ hour: '0' })).to.throw(/--hour /);
  });
});
