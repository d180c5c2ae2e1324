/** `/v1/alerts`, `/v1/stats` and the verb `stats` of a whole node, over restarts. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { AlertList } from '../../../edge/api/alerts.js';
import type { NodeStats } from '../../../edge/api/stats.js';
import type { NodeStatus } from '../../../edge/api/status.js';
import { StoreState } from '../../../edge/ledger/store-state.js';
import { freePort } from '../../support/free-port.js';
import { useTempFolder } from '../../support/temp-folder.js';
import { waitFor } from '../../support/wait-for.js';
import { solarEdge } from '../cli/solar-edge.js';
import { useNodes } from './node-under-test.js';

const READINGS = [1, 2, 3].map((n) => ({ device: 'm1', at: `2026-03-01T00:00:0${n}Z`, powerW: n }));

async function get<T>(url: string, path: string): Promise<T> {
  const response = await fetch(url + path);
  expect(response.status).to.equal(200);
  return (await response.json()) as T;
}

async function post(url: string, body: unknown): Promise<void> {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  expect((await fetch(`${url}/v1/readings`, init)).status).to.equal(201);
}

describe('alerts and stats of a node', () => {
  const nodes = useNodes();
  const folder = useTempFolder();

  it('an alert is raised once, over a restart too, and is in the history when it has gone', async () => {
    const settings = {
      API_URL: `http://127.0.0.1:${await freePort()}`,
      ALERT_PENDING: '2',
      ALERT_PENDING_MINUTES: '0',
    };
    const first = await nodes.start(folder.path, settings);
    await post(first.url, READINGS);
    const { items, history } = await get<AlertList>(first.url, '/v1/alerts');
    expect(items.map(({ code }) => code)).to.deep.equal(['pending']);
    expect(history).to.deep.equal([]);
    // It is looked at every few seconds, and written down then.
    const metrics = async (url: string) => (await fetch(`${url}/metrics`)).text();
    const isCounted = async () => (await metrics(first.url)).includes('solar_edge_alerts{code="pending"');
    await waitFor(isCounted, { what: 'the alert to be noted', timeoutMs: 15_000 });
    await first.stop();
    const second = await nodes.start(folder.path, settings);
    const again = await get<AlertList>(second.url, '/v1/alerts');
    expect(again.items.map(({ since }) => since)).to.deep.equal(items.map(({ since }) => since));
    await second.stop();
    const third = await nodes.start(folder.path, { ...settings, ALERT_PENDING: '100' });
    const isCleared = async () => (await get<AlertList>(third.url, '/v1/alerts')).history.length > 0;
    await waitFor(isCleared, { what: 'the alert to go', timeoutMs: 15_000 });
    const { items: left, history: gone } = await get<AlertList>(third.url, '/v1/alerts');
    expect(left).to.deep.equal([]);
    expect(gone.map(({ code, since }) => [code, since])).to.deep.equal([['pending', items[0]?.since]]);
  }).timeout(60_000);

  it('nothing is told to wait for long at a node that delivers to nobody', async () => {
    const { url } = await nodes.start(folder.path, { ALERT_PENDING: '2', ALERT_PENDING_MINUTES: '0' });
    await post(url, READINGS);
    expect((await get<NodeStatus>(url, '/v1/status')).store.pending).to.be.greaterThan(2);
    expect((await get<AlertList>(url, '/v1/alerts')).items).to.deep.equal([]);
  });

  it('a loss told of for seven days is only counted after a restart, and a further one is told and remembered', async () => {
    const inStore = async <T>(work: (state: StoreState) => Promise<T>): Promise<T> => {
      const state = await StoreState.open({ folder: folder.path, village: 'kano', nowMs: Date.now() });
      return work(state).finally(() => state.close());
    };
    const lose = (number: number, lost: number) => (state: StoreState) =>
      state.noteDropped({ end: { number, node: 'gone00', seq: 9 }, lost, confirmed: 0, checkpoints: [] });
    const lossOf = async (url: string) => {
      const { store, alerts } = await get<NodeStatus>(url, '/v1/status');
      return [store.lost, ...alerts.map(({ code, subject }) => `${code} ${subject}`)];
    };
    await inStore(lose(1, 3));
    const days = Array.from({ length: 7 }, (_, n) => `2020-03-0${n + 1}`);
    await inStore((state) => state.writeAlerts({ loss: { count: 3, days } }));
    const first = await nodes.start(folder.path);
    expect(await lossOf(first.url)).to.deep.equal([3]);
    await first.stop();
    await inStore(lose(2, 2));
    const second = await nodes.start(folder.path);
    const { url } = second;
    expect(await lossOf(url)).to.deep.equal([5, 'lost 5']);
    const isNoted = async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('solar_edge_alerts{code="lost"');
    await waitFor(isNoted, { what: 'the alert to be noted', timeoutMs: 15_000 });
    await second.stop();
    const kept = await inStore(async ({ alerts }) => alerts);
    expect([kept.loss?.count, kept.open?.length]).to.deep.equal([5, 1]);
    expect(kept.loss?.days).to.not.include(days[0]);
  }).timeout(60_000);

  it('a question with a parameter nobody knows is refused, which names it', async () => {
    const { url } = await nodes.start(folder.path);
    for (const path of ['status', 'alerts', 'stats', 'devices', 'quarantine']) {
      const response = await fetch(`${url}/v1/${path}?device=m1`);
      const error = { code: 'invalid_request', message: 'the parameter device is not one of this request' };
      expect([response.status, await response.json()], path).to.deep.equal([400, { error }]);
    }
  });

  it('stats count what was acknowledged, duplicates left out, by day and over a restart', async () => {
    const first = await nodes.start(folder.path);
    await post(first.url, READINGS);
    await post(first.url, [...READINGS, { device: 'm1', at: '2026-03-01T00:00:09Z', powerW: 9 }]);
    await first.stop();
    const { url } = await nodes.start(folder.path);
    await post(url, { device: 'm2', powerW: 1 });
    const stats = await get<NodeStats>(url, '/v1/stats');
    expect(stats.totals).to.include({ acknowledged: 5, sent: 0, refused: 0 });
    // Two boots are stored as well.
    expect(stats.now).to.include({ pending: 7, quarantined: 0, lost: 0, confirmed: 0 });
    expect(stats.days.reduce((sum, { acknowledged }) => sum + acknowledged, 0)).to.equal(5);

    const csv = await solarEdge(['stats', '--format', 'csv', '--edge', url]);
    expect([csv.code, csv.stderr]).to.deep.equal([0, '']);
    const [heading, ...rows] = csv.stdout.trim().split(/\r?\n/);
    expect(heading).to.equal('day,acknowledged,sent,refused,bytesSent,bytesReceived,batches');
    expect(rows.at(-1)).to.equal('all,5,0,0,0,0,0');
    const json = await solarEdge(['stats', '--json', '--edge', url]);
    expect(JSON.parse(json.stdout)).to.deep.equal(stats);
    const table = await solarEdge(['stats', '--edge', url]);
    expect(table.stdout).to.match(/^DAY \(UTC\) +ACKNOWLEDGED .*\n(.*\n)*all +5 /m);
    const status = await solarEdge(['status', '--format', 'csv', '--edge', url]);
    expect(status.stdout).to.match(/^name,value\r?\nvillage,kano\r?\n(.*\n)*store\.pending,7\r?\n/);
  }).timeout(60_000);
});
