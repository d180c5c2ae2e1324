import { expect } from 'chai';
import { describe, it } from 'mocha';
import { newestReport, parseReport } from '../../../server/registry/node-report.js';

const AT = '2026-03-01T00:00:00.000Z';
const RECEIVED_AT = '2026-03-01T00:00:05.000Z';

describe('the report of a node', () => {
  it('is taken with all that is known of it, and nothing else', () => {
    const known = {
      ...{ node: 'k3f9a2', at: AT, pending: 12, oldestPendingAt: AT, lastSeq: 900, version: '1.2.3', clock: 'unsure' },
      accounted: { quarantined: 1, lost: 2, void: 3 },
      disk: { bytes: 10, capacityBytes: 100, usedPct: 10 },
      sync: { state: 'live', mode: 'scheduled' },
      registry: { pendingEdits: 1, refused: 0 },
      alerts: [{ code: 'pending', severity: 'warning', since: AT, message: 'many are pending' }],
    };
    const link = { state: 'online', since: AT, bytesSent: 7 };
    const unknown = { type: 'report', credentialHash: 'x', disabledAt: AT, receivedAt: 'never', day: '2026-03-01' };
    expect(parseReport({ ...known, ...unknown, link, furtherAlerts: 4 }, RECEIVED_AT)).to.deep.equal({
      ...{ ...known, link: { state: 'online' }, moreAlerts: 4, receivedAt: RECEIVED_AT },
    });
  });

  it('loses the fields that are not well-formed, and only those', () => {
    const strange = {
      ...{ pending: -1, lastSeq: 2 ** 53, accounted: { quarantined: '3', lost: Number.NaN, void: 1.5 }, link: null },
      ...{ version: '<script>', clock: 'broken', oldestPendingAt: 'yesterday', sync: { state: '<b>' }, registry: [1] },
      alerts: [
        ...[null, 'text', {}, { code: '' }, { code: 'a b' }, { code: 'x'.repeat(33) }, { code: 7 }],
        { code: 'ok', severity: 'deadly', since: 'then', message: '\ud800' },
      ],
    };
    const disk = { bytes: null, capacityBytes: 5, usedPct: Number.POSITIVE_INFINITY };
    expect(parseReport({ node: 'node1', at: AT, disk, ...strange }, RECEIVED_AT)).to.deep.equal({
      ...{ node: 'node1', at: AT, receivedAt: RECEIVED_AT, disk: { capacityBytes: 5 } },
      alerts: [{ code: 'ok', severity: 'warning' }],
    });
  });

  it('is none without the name of a node and a time', () => {
    for (const body of [{}, { node: 'node1' }, { at: AT }, { node: 'NODE', at: AT }, { node: 'node1', at: '2026' }]) {
      expect(parseReport(body, RECEIVED_AT), JSON.stringify(body)).to.equal(undefined);
    }
  });

  it('never takes more than 2 kB, and says how many alerts found no room', () => {
    for (const character of ['x', 'é', '漢', '😀', '"', '\u0001']) {
      const alerts = Array.from({ length: 1_000 }, (_, n) => {
        return { code: `c${n}`, severity: 'critical', since: AT, message: character.repeat(5_000) };
      });
      const report = parseReport({ node: 'node1', at: AT, alerts }, RECEIVED_AT);
      expect(Buffer.byteLength(JSON.stringify(report)), character).to.be.at.most(2_048);
      expect(report?.alerts?.[0]).to.include({ code: 'c0' });
      expect((report?.alerts?.length ?? 0) + (report?.moreAlerts ?? 0)).to.equal(1_000);
      expect(report?.alerts?.[0]?.message?.isWellFormed()).to.equal(true);
    }
  });

  it('made last is the newest', () => {
    const made = (node: string, at: string) => ({ node, at, receivedAt: RECEIVED_AT });
    const reports = [made('a', AT), made('b', '2026-03-02T00:00:00.000Z'), made('c', '2025-03-01T00:00:00.000Z')];
    expect(newestReport(reports)?.node).to.equal('b');
    expect(newestReport([])).to.equal(undefined);
  });
});
