import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { messageOf } from '../../shared/app-error.js';
import { ProgramClient } from '../../shared/http/client.js';
import { AcknowledgedStore } from '../../sim/acknowledged.js';
import { type AuditReport, auditVillage } from '../../sim/audit.js';

type Listed = Record<string, unknown>;

const READINGS = [1, 2, 3].map((n) => ({ device: 'm-1', at: `2026-03-01T00:00:0${n}.000Z`, powerW: n }));
const PREDICTION = { model: 'load', at: '2026-03-01T00:00:00.000Z', for: '2026-03-01T01:00:00.000Z', powerKw: 1.5 };

describe('the audit', () => {
  let server: Server;
  let client: ProgramClient;
  let expected: AcknowledgedStore;
  let lists: { readings: Listed[]; predictions: Listed[] };

  beforeEach(async () => {
    expected = new AcknowledgedStore('kitui');
    expected.add('reading', READINGS);
    expected.add('prediction', [PREDICTION]);
    const added = (seq: number, type: string) => ({
      _rev: '1-abc',
      type,
      village: 'kitui',
      node: 'n0de',
      seq,
      boot: 1,
    });
    lists = {
      // Fields in another order: the content is the same.
      readings: READINGS.map(({ device, at, powerW }, i) => ({
        powerW,
        ...added(i + 1, 'reading'),
        at,
        device,
        _id: `kitui:r:m-1:${at}`,
      })),
      predictions: [
        { ...PREDICTION, ...added(4, 'prediction'), _id: `kitui:p:load:-:${PREDICTION.for}:${PREDICTION.at}` },
      ],
    };
    server = http.createServer((request, response) => {
      const name = /^\/v1\/villages\/kitui\/(readings|predictions)\?format=ndjson$/.exec(request.url ?? '')?.[1];
      const list = name === 'readings' || name === 'predictions' ? lists[name] : undefined;
      response.writeHead(list ? 200 : 404, { 'Content-Type': 'application/x-ndjson' });
      response.end((list ?? []).map((document) => `${JSON.stringify(document)}\n`).join(''));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = new ProgramClient({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      peer: 'the centre',
    });
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function expectProblem(problem: RegExp, confirmed: number): Promise<AuditReport> {
    const report = await auditVillage(client, expected);
    expect(report.problems.join('\n')).to.match(problem);
    expect(report.problemCount).to.equal(report.problems.length);
    expect(report.confirmed).to.equal(confirmed);
    return report;
  }

  it('holds when every acknowledged document is there once with its content', async () => {
    expect(await auditVillage(client, expected)).to.deep.equal({
      village: 'kitui',
      acknowledged: 4,
      atCentre: 4,
      confirmed: 4,
      problemCount: 0,
      problems: [],
    });
  });

  it('names what is missing', async () => {
    lists.readings.splice(1, 1);
    await expectProblem(/^kitui:r:m-1:2026-03-01T00:00:02.000Z was acknowledged and is not at the centre$/, 3);
    lists.predictions = [];
    await expectProblem(/kitui:p:load:-:2026-03-01T01:00:00.000Z:2026-03-01T00:00:00.000Z was acknowledged/, 2);
  });

  it('names what nobody acknowledged', async () => {
    lists.readings.push({ ...lists.readings[0], _id: 'kitui:r:m-9:2026-03-01T00:00:01.000Z', seq: 9 });
    await expectProblem(/^kitui:r:m-9:2026-03-01T00:00:01.000Z is at the centre and was never acknowledged/, 4);
  });

  it('names what has another content, a field more or less included', async () => {
    lists.readings[0] = { ...lists.readings[0], powerW: 7 };
    lists.readings[1] = { ...lists.readings[1], extra: true };
    lists.readings[2] = { ...lists.readings[2], powerW: undefined };
    const report = await expectProblem(/00:00:01.000Z differs/, 1);
    expect(report.problemCount).to.equal(3);
  });

  it('names what is listed twice, even alike', async () => {
    lists.readings.push({ ...lists.readings[0] });
    await expectProblem(/00:00:01.000Z is listed 2 times$/, 4);
  });

  it('names a number given to two documents, across readings and predictions', async () => {
    lists.predictions[0] = { ...lists.predictions[0], seq: 2 };
    await expectProblem(/^node n0de gave number 2 to kitui:r:\S+ and to kitui:p:\S+$/, 4);
    lists.predictions[0] = { ...lists.predictions[0], node: 'other' };
    expect((await auditVillage(client, expected)).problemCount).to.equal(0);
  });

  it('names documents of another village and what is no document at all', async () => {
    lists.readings[0] = { ...lists.readings[0], village: 'bamenda' };
    lists.predictions.push({ seq: 1 });
    const report = await expectProblem(/says it is a reading of bamenda/, 3);
    expect(report.problems.join('\n')).to.match(/not a telemetry document: {"seq":1}/);
  });

  it('fails rather than holds when the centre cannot be read', async () => {
    const other = new AcknowledgedStore('nowhere');
    expect(await auditVillage(client, other).then(() => 'no failure', messageOf)).to.match(/answered 404/);
  });
});
