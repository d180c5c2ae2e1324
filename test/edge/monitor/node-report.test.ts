import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import type { NodeStatus } from '../../../edge/api/status.js';
import { NodeReport, type NodeReportBody } from '../../../edge/monitor/node-report.js';
import { silentLogger } from '../../../shared/logger.js';

const MINUTE_MS = 60_000;
const SINCE = '2026-03-01T00:00:00.000Z';

function statusWith(changes: Partial<NodeStatus> & { pending?: number; lastSeq?: number }): NodeStatus {
  const { pending = 0, lastSeq = 10, ...rest } = changes;
  return {
    ...{ village: 'bamenda', node: 'abc123', version: '0.1.0', clock: 'sure', alerts: [] },
    store: {
      ...{ pending, lastSeq, segments: 1, quarantined: 2, lost: 3 },
      ...{ bytes: 5_432_100, capacityBytes: 1_073_741_824, usedPct: 0.5 },
    },
    link: { state: 'online', since: SINCE },
    sync: { state: 'live', mode: 'live', docsSent: 7, bytesSent: 1_234_567, bytesReceived: 2_345 },
    registry: { state: 'live', pendingEdits: 1, refused: 0 },
    ...rest,
  };
}

describe("the node's own report", () => {
  let nowMs: number;
  let written: NodeReportBody[];
  let report: NodeReport;
  let isFailing: boolean;

  beforeEach(() => {
    nowMs = Date.parse('2026-03-01T12:00:00Z');
    written = [];
    isFailing = false;
    report = new NodeReport({
      registry: {
        putReport: async (node, body) => {
          if (isFailing) throw new Error('the disk is full');
          expect(node).to.equal('abc123');
          written.push(body as NodeReportBody);
          return true;
        },
      },
      countVoid: () => 4,
      clock: { now: () => nowMs, monotonic: () => nowMs },
      log: silentLogger(),
    });
  });

  async function lookFor(minutes: number, status: NodeStatus): Promise<number> {
    const before = written.length;
    for (let n = 0; n < minutes * 12; n++) {
      nowMs += 5_000;
      await report.look(status);
    }
    return written.length - before;
  }

  it('says at once, in little, what the status says', async () => {
    await report.look(statusWith({}));
    expect(written).to.deep.equal([
      {
        ...{ at: '2026-03-01T12:00:00.000Z', day: '2026-03-01', version: '0.1.0', clock: 'sure' },
        ...{ pending: 0, lastSeq: 10, accounted: { quarantined: 2, lost: 3, void: 4 }, alerts: [] },
        disk: { bytes: 5_000_000, capacityBytes: 1_074_000_000, usedPct: 1 },
        sync: { state: 'live', mode: 'live' },
        link: { state: 'online', since: SINCE, docsSent: 7, bytesSent: 1_000_000, bytesReceived: 0 },
        registry: { pendingEdits: 1, refused: 0 },
      },
    ]);
  });

  it('is offered to the registry every 15 minutes, which drops what says nothing new', async () => {
    await report.look(statusWith({}));
    expect(await lookFor(60, statusWith({}))).to.equal(4);
    const [first, ...others] = written.map(({ at, ...rest }) => rest);
    for (const other of others) expect(other).to.deep.equal(first);
  });

  it('changes with the day, so that an idle node is heard of at least once in one', async () => {
    await report.look(statusWith({}));
    nowMs += 86_400_000;
    await report.look(statusWith({}));
    expect(written.map(({ day }) => day)).to.deep.equal(['2026-03-01', '2026-03-02']);
  });

  it('is not changed by what the link carries while nobody does anything', async () => {
    const idle = (bytesReceived: number) =>
      statusWith({ sync: { state: 'live', mode: 'live', docsSent: 7, bytesSent: 1_300_000, bytesReceived } });
    await report.look(idle(10_000));
    nowMs += 16 * MINUTE_MS;
    await report.look(idle(50_000));
    const [first, second] = written.map(({ at, ...rest }) => rest);
    expect(second).to.deep.equal(first);
  });

  it('follows an alert of another kind within a minute, raised and cleared, and four times an hour at most', async () => {
    await report.look(statusWith({}));
    const alert = (since: string) =>
      statusWith({ alerts: [{ code: 'storage', severity: 'critical', since, message: 'full' }] });
    expect(await lookFor(1, alert(SINCE))).to.equal(1);
    expect(await lookFor(1, statusWith({}))).to.equal(1);
    const before = written.length;
    for (let n = 0; n < 720 * 4; n++) {
      nowMs += 5_000;
      await report.look(n % 24 < 12 ? alert(SINCE) : statusWith({}));
    }
    const perHour = (written.length - before) / 4;
    expect(perHour, 'of an alert that comes and goes every minute').to.be.within(4, 8);
  });

  it('does not hurry where alerts of a kind that it told of come and go', async () => {
    const beyond = (...since: string[]) =>
      statusWith({
        alerts: since.map((one) => ({ code: 'threshold', severity: 'warning', since: one, message: 'x' })),
      });
    await report.look(beyond(SINCE));
    let count = 0;
    for (let n = 0; n < 14; n++)
      count += await lookFor(1, n % 2 ? beyond(SINCE) : beyond(SINCE, `2026-03-01T0${n % 9}:00:00.000Z`));
    expect(count).to.equal(0);
  });

  it('tells the end of a backlog it told of, and not of each reading that comes and goes', async () => {
    await report.look(statusWith({ pending: 5_000 }));
    expect(await lookFor(2, statusWith({ pending: 4_000 }))).to.equal(0);
    expect(await lookFor(1, statusWith({ pending: 0 }))).to.equal(1);
    let lastSeq = 10;
    let count = 0;
    for (let n = 0; n < 14; n++) count += await lookFor(1, statusWith({ pending: n % 2, lastSeq: lastSeq++ }));
    expect(count).to.equal(0);
  });

  it('stays below 1,500 bytes, however many alerts there are', async () => {
    const alerts = Array.from({ length: 200 }, () => ({
      ...{ code: 'quarantine' as const, severity: 'critical' as const, since: SINCE, message: 'x'.repeat(200) },
    }));
    await report.look(statusWith({ alerts, pending: 1e9, lastSeq: 2 ** 53 - 1 }));
    expect(JSON.stringify(written[0]).length).to.be.below(1_500);
    expect(written[0]?.furtherAlerts).to.equal(192);
  });

  it('is written later when the store cannot be written now', async () => {
    isFailing = true;
    await report.look(statusWith({}));
    isFailing = false;
    expect(await lookFor(1, statusWith({}))).to.equal(1);
  });
});
