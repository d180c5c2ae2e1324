import { mock } from 'node:test';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { LinkError } from '../../../edge/link/link-error.js';
import { ConnectivityMonitor } from '../../../edge/monitor/connectivity.js';
import { type ExchangeOutcome, ObservedLink } from '../../../edge/monitor/observed-link.js';
import { type Fault, FaultProxy, faults } from '../../support/fault-proxy.js';
import { anyVillage, GatewayCentre } from '../push/support/centres.js';

const HOUR = 3_600_000;
const AWAY: ExchangeOutcome = { away: new LinkError('CONNECTION_ERROR', 'no connection') };

describe('the connectivity monitor', () => {
  let monitor: ConnectivityMonitor;
  let probedAtMs: number[];
  let answer: ExchangeOutcome;
  let heard: string[];
  let nowMs: number;

  beforeEach(async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    [probedAtMs, heard, answer, nowMs] = [[], [], 'answered', 0];
    monitor = new ConnectivityMonitor({
      intervalMs: 30_000,
      now: () => Date.parse('2026-03-01T00:00:00Z') + nowMs,
      probe: async () => {
        probedAtMs.push(nowMs);
        exchange(answer);
      },
    });
    for (const name of ['up', 'down', 'restored'] as const) monitor.events.on(name, () => heard.push(name));
    await monitor.start();
  });

  afterEach(async () => {
    await monitor.stop();
    mock.timers.reset();
  });

  function exchange(outcome: ExchangeOutcome): void {
    monitor.exchangeBegan();
    monitor.exchangeEnded(outcome);
  }

  function pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 1_000) {
      nowMs += 1_000;
      mock.timers.tick(1_000);
    }
  }

  it('probes after a start only where nothing else tells', () => {
    expect(monitor.status.state).to.equal('unknown');
    pass(10_000);
    expect([monitor.status.state, probedAtMs]).to.deep.equal(['online', [10_000]]);
  });

  it('takes every exchange for a probe, and probes none while data flows', () => {
    for (let n = 0; n < 3_000; n++) {
      exchange('answered');
      pass(5_000);
    }
    expect(probedAtMs).to.deep.equal([]);
  });

  it('probes once an interval while offline, and tells once of the outage and once of its end', () => {
    answer = AWAY;
    exchange(AWAY);
    pass(300_000);
    expect(probedAtMs).to.deep.equal([30, 60, 90, 120, 150, 180, 210, 240, 270, 300].map((s) => s * 1000));
    expect([monitor.status.state, monitor.status.since]).to.deep.equal(['offline', '2026-03-01T00:00:00.000Z']);
    expect(monitor.status.lastError?.tag).to.equal('CONNECTION_ERROR');
    answer = 'answered';
    pass(30_000);
    expect(heard).to.deep.equal(['down', 'up', 'restored']);
    expect(monitor.status).to.deep.equal({ state: 'online', since: '2026-03-01T00:05:30.000Z' });
  });

  it('does not probe beside failing pushes, which tell as much', () => {
    for (let n = 0; n < 100; n++) {
      exchange(AWAY);
      pass(25_000);
    }
    expect(probedAtMs).to.deep.equal([]);
  });

  it('does not claim to be online for days: an idle node probes once an hour', () => {
    exchange('answered');
    pass(24 * HOUR);
    expect(probedAtMs).to.have.length(24);
    answer = AWAY;
    pass(HOUR);
    expect([monitor.status.state, heard.at(-1)]).to.deep.equal(['offline', 'down']);
  });

  it('does not probe during an exchange, nor while it is held', () => {
    exchange(AWAY);
    monitor.exchangeBegan();
    pass(HOUR);
    expect(probedAtMs).to.deep.equal([]);
    monitor.exchangeEnded(AWAY);
    const release = monitor.hold();
    pass(HOUR);
    expect(probedAtMs).to.deep.equal([]);
    release();
    pass(30_000);
    expect(probedAtMs).to.have.length(1);
  });

  it('is blocked until a push is accepted; an answer alone proves nothing', () => {
    exchange('answered');
    monitor.pushFailed(new LinkError('HTTP_ERROR', 'wrong credential', { status: 401 }));
    exchange('answered');
    expect([monitor.status.state, monitor.status.lastError?.status]).to.deep.equal(['blocked', 401]);
    monitor.pushAccepted();
    expect([monitor.status.state, monitor.status.lastError]).to.deep.equal(['online', undefined]);
    expect(heard).to.deep.equal(['up', 'up']);
  });

  it('keeps what the last push failed of although the link is there, until one is accepted', () => {
    monitor.pushFailed(new LinkError('HTTP_ERROR', 'in trouble', { status: 503 }));
    exchange('answered');
    exchange('answered');
    monitor.pushFailed(new LinkError('HTTP_ERROR', 'in trouble', { status: 503 }));
    exchange('answered');
    expect(monitor.status.lastError?.status).to.equal(503);
    monitor.pushAccepted();
    expect(monitor.status.lastError).to.equal(undefined);
  });

  it('learns nothing from an exchange that was called off', () => {
    exchange('nothing');
    expect([monitor.status.state, heard]).to.deep.equal(['unknown', []]);
  });

  it('does nothing after it was stopped', async () => {
    exchange(AWAY);
    await monitor.stop();
    pass(HOUR);
    expect(probedAtMs).to.deep.equal([]);
  });
});

describe('what an exchange says about the link', () => {
  let centre: GatewayCentre;
  let proxy: FaultProxy;
  let link: ObservedLink;
  let told: string[];

  beforeEach(async () => {
    centre = await GatewayCentre.start('embedded');
    proxy = new FaultProxy(centre.url);
    await proxy.start();
    told = [];
    const { CENTRAL_PASSWORD: password } = await centre.settingsFor(village);
    const exchangeEnded = (outcome: ExchangeOutcome) => {
      told.push(typeof outcome === 'string' ? outcome : `away ${outcome.away.tag}`);
    };
    const options = { url: proxy.url, user: village, password, timeoutMs: 20_000 };
    link = new ObservedLink(options, { exchangeBegan: () => undefined, exchangeEnded });
  });
  const village = anyVillage();

  afterEach(async () => {
    link.close();
    await proxy.stop();
    await centre.stop();
  });

  const tell = async (
    path: string,
    fault?: Fault,
    options: { timeoutMs?: number } = {},
  ): Promise<string | undefined> => {
    proxy.rule = () => fault;
    await link.request({ method: 'GET', path, ...options }).catch(() => undefined);
    return told.at(-1);
  };

  it('is up when the centre itself answers, even with a refusal or with trouble', async () => {
    expect(await tell('/')).to.equal('answered');
    expect(await tell('/telemetry')).to.equal('answered');
    expect(await tell('/telemetry', faults.json(401, { error: 'unauthorized' }))).to.equal('answered');
    expect(await tell('/telemetry', faults.json(503, {}))).to.equal('answered');
  });

  it('is not up behind a captive portal: its page, its redirect, its login, other JSON', async () => {
    expect(await tell('/', faults.html(200))).to.equal('away REQUEST_ERROR');
    expect(await tell('/', faults.json(200, { login: 'please' }))).to.equal('away REQUEST_ERROR');
    expect(await tell('/', { kind: 'answer', status: 302, headers: { Location: '/login' } })).to.equal(
      'away HTTP_ERROR',
    );
    expect(await tell('/', faults.html(511))).to.equal('away HTTP_ERROR');
  });

  it('is down without an answer', async () => {
    expect(await tell('/telemetry', { kind: 'reset' })).to.equal('away CONNECTION_ERROR');
    const hang: Fault = { kind: 'hang', when: 'before-headers' };
    expect(await tell('/telemetry', hang, { timeoutMs: 500 })).to.equal('away TIMEOUT');
  });

  it('is not told by an answer to a push that makes no sense, nor by an exchange that was called off', async () => {
    expect(await tell('/telemetry', faults.html(200))).to.equal('nothing');
    const signal = AbortSignal.abort();
    await link.request({ method: 'GET', path: '/', signal }).catch(() => undefined);
    expect(told.at(-1)).to.equal('nothing');
  });
});
